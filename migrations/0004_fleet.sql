ALTER TABLE `nodes` ADD `drained_at` integer;--> statement-breakpoint
ALTER TABLE `nodes` ADD `rotate_at` integer;--> statement-breakpoint
CREATE INDEX `api_keys_by_node` ON `api_keys` (`node_id`);