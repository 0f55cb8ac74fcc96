CREATE TABLE `admissions` (
	`version_id` text PRIMARY KEY NOT NULL,
	`step` text NOT NULL,
	`control_flow` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`not_before` integer NOT NULL,
	FOREIGN KEY (`version_id`) REFERENCES `versions`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `admissions_by_time` ON `admissions` (`not_before`);--> statement-breakpoint
CREATE TABLE `grants` (
	`model_id` text NOT NULL,
	`team_id` text NOT NULL,
	`access` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	PRIMARY KEY(`model_id`, `team_id`),
	FOREIGN KEY (`model_id`) REFERENCES `models`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `grants_by_team` ON `grants` (`team_id`);--> statement-breakpoint
CREATE TABLE `idempotency` (
	`key_id` text NOT NULL,
	`target` text NOT NULL,
	`idempotency_key` text NOT NULL,
	`body_digest` text NOT NULL,
	`status` integer,
	`headers` text,
	`body` text,
	`lease_until` integer NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`key_id`, `target`, `idempotency_key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_by_expiry` ON `idempotency` (`expires_at`);--> statement-breakpoint
CREATE TABLE `loose_objects` (
	`key` text PRIMARY KEY NOT NULL,
	`multipart_id` text,
	`delete_after` integer NOT NULL,
	`claimed` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE `upload_parts` (
	`upload_id` text NOT NULL,
	`part` integer NOT NULL,
	`etag` text NOT NULL,
	`sends` integer DEFAULT 1 NOT NULL,
	PRIMARY KEY(`upload_id`, `part`),
	FOREIGN KEY (`upload_id`) REFERENCES `uploads`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `uploads` (
	`id` text PRIMARY KEY NOT NULL,
	`team_id` text NOT NULL,
	`digest` text NOT NULL,
	`size_bytes` integer NOT NULL,
	`filename` text,
	`state` text NOT NULL,
	`object_key` text NOT NULL,
	`multipart_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`team_id`) REFERENCES `teams`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `uploads_by_expiry` ON `uploads` (`expires_at`);--> statement-breakpoint
ALTER TABLE `api_keys` ADD `description` text;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `last_used_at` integer;--> statement-breakpoint
ALTER TABLE `artifacts` ADD `touched_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `audit_log` ADD `model` text;--> statement-breakpoint
ALTER TABLE `audit_log` ADD `hash` text;--> statement-breakpoint
CREATE INDEX `audit_by_team` ON `audit_log` (`team_id`,`seq`);--> statement-breakpoint
CREATE INDEX `audit_by_model` ON `audit_log` (`model`,`seq`);--> statement-breakpoint
CREATE INDEX `audit_by_actor` ON `audit_log` (`actor`,`seq`);--> statement-breakpoint
CREATE INDEX `versions_by_digest` ON `versions` (`digest`);