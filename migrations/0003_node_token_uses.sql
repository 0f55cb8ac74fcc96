ALTER TABLE `node_tokens` ADD `uses` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `node_tokens` ADD `used` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `node_tokens` ADD `revoked_at` integer;--> statement-breakpoint
UPDATE `node_tokens` SET `used` = 1 WHERE `node_id` IS NOT NULL;
