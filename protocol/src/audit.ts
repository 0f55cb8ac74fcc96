/** The audit log: one entry for every change, sealed into a chain of hashes. */
import { z } from 'zod';
import { ModelName } from './names.ts';
import { PageQuery } from './pages.ts';

/** Newest first. `since` and `until` bound `at`: from `since` on, before `until`. */
export const AuditQuery = PageQuery.extend({
  /** The id of a key, or `node/…`. */
  actor: z.string().max(100).optional(),
  model: ModelName.optional(),
  action: z.string().max(64).optional(),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
});
export type AuditQuery = z.input<typeof AuditQuery>;

export const AuditEntry = z.object({
  seq: z.number().int(),
  at: z.string(),
  actor: z.string(),
  team: z.string(),
  /** `model.create`, `alias.put`, … */
  action: z.string(),
  /** What was changed: `model/digits`, `alias/digits@production`, `key/key_…`. */
  subject: z.string(),
  model: z.string().optional(),
  detail: z.record(z.string(), z.unknown()),
  /** The chain's hash at this entry, once it is sealed. */
  hash: z.string().optional(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditVerified = z.object({
  ok: z.literal(true),
  /** How many sealed entries were checked. */
  entries: z.number().int(),
  /** How many came while it was checked. */
  unsealed: z.number().int(),
  /** The hash of the newest sealed entry. */
  head: z.string().optional(),
});
export type AuditVerified = z.infer<typeof AuditVerified>;
