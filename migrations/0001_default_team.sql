-- The team that the first admin key belongs to.
INSERT INTO `teams` (`id`, `name`, `created_at`) VALUES ('team_default', 'default', 0);
