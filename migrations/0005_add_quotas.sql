ALTER TABLE `api_keys` ADD `requests_per_minute` integer;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `concurrent_requests` integer;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `compute_units_per_minute` integer;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `quota_set_at` integer;