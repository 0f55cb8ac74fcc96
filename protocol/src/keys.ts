/** Teams and API keys. */
import { z } from 'zod';
import { PageQuery } from './pages.ts';
import { Quota } from './quotas.ts';

export const Scope = z.enum(['infer', 'models:read', 'models:write', 'ops', 'admin', 'node']);
export type Scope = z.infer<typeof Scope>;

export const CreateTeamInput = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected 1 to 63 of a-z, 0-9 and "-"'),
});
export type CreateTeamInput = z.input<typeof CreateTeamInput>;

export const Team = z.object({ id: z.string(), name: z.string(), createdAt: z.string() });
export type Team = z.infer<typeof Team>;

export const CreateKeyInput = z.strictObject({
  /** The team's id or name. */
  team: z.string().min(1).max(64),
  name: z.string().min(1).max(100),
  description: z.string().max(500).optional(),
  scopes: z.array(Scope.exclude(['node'])).min(1),
  expiresAt: z.iso.datetime().optional(),
});
export type CreateKeyInput = z.input<typeof CreateKeyInput>;

export const Key = z.object({
  id: z.string(),
  /** The first characters of the secret, to recognise a key by. */
  prefix: z.string(),
  name: z.string(),
  description: z.string().optional(),
  team: z.string(),
  scopes: z.array(Scope),
  createdAt: z.string(),
  /** To the minute or so; absent until the first use. */
  lastUsedAt: z.string().optional(),
  expiresAt: z.string().optional(),
  revokedAt: z.string().optional(),
  /** Absent where nothing is limited. */
  quota: Quota.optional(),
});
export type Key = z.infer<typeof Key>;

/** A key just made: the secret is shown this once. */
export const IssuedKey = Key.extend({ secret: z.string() });
export type IssuedKey = z.infer<typeof IssuedKey>;

export const KeyQuery = PageQuery.extend({
  /** The keys of one team, by its id or name. */
  team: z.string().min(1).max(64).optional(),
});
export type KeyQuery = z.input<typeof KeyQuery>;
