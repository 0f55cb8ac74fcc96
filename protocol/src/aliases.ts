/** An alias: a movable pointer of a model to versions with weights. */
import { z } from 'zod';
import { PageQuery } from './pages.ts';

export const AliasTarget = z.strictObject({
  version: z.number().int().positive(),
  /** A share of the sum of all weights. */
  weight: z.number().positive().max(1_000_000).default(1),
});
export type AliasTarget = z.infer<typeof AliasTarget>;

const Reason = z.string().min(1).max(500);

export const PutAliasInput = z.strictObject({
  targets: z
    .array(AliasTarget)
    .min(1)
    .max(16)
    .refine((targets) => new Set(targets.map((t) => t.version)).size === targets.length, 'names a version twice'),
  reason: Reason,
  /** The revision the caller saw last; 0 means the alias must not exist yet. */
  ifRevision: z.number().int().min(0).optional(),
});
export type PutAliasInput = z.input<typeof PutAliasInput>;

export const Alias = z.object({
  model: z.string(),
  alias: z.string(),
  revision: z.number().int(),
  targets: z.array(AliasTarget),
  protected: z.boolean(),
  reason: z.string(),
  updatedAt: z.string(),
  updatedBy: z.string(),
});
export type Alias = z.infer<typeof Alias>;

/** One move of an alias, as its history keeps it. */
export const AliasRevision = z.object({
  model: z.string(),
  alias: z.string(),
  revision: z.number().int(),
  /** Empty: the alias was deleted by this move. */
  targets: z.array(AliasTarget),
  reason: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
});
export type AliasRevision = z.infer<typeof AliasRevision>;

export const RollbackAliasInput = z.strictObject({
  reason: Reason,
  /** The revision whose targets come back; the one before the current one by default. */
  toRevision: z.number().int().positive().optional(),
  ifRevision: z.number().int().min(0).optional(),
});
export type RollbackAliasInput = z.input<typeof RollbackAliasInput>;

export const PatchAliasInput = z.strictObject({ protected: z.boolean() });
export type PatchAliasInput = z.input<typeof PatchAliasInput>;

export const AliasQuery = z.object({
  /** The alias as it was at this instant. */
  at: z.iso.datetime().optional(),
});
export type AliasQuery = z.input<typeof AliasQuery>;

/** Newest first. `since` and `until` bound `createdAt`: from `since` on, before `until`. */
export const AliasHistoryQuery = PageQuery.extend({
  /** The id of a key. */
  actor: z.string().max(100).optional(),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
});
export type AliasHistoryQuery = z.input<typeof AliasHistoryQuery>;

export const DeleteAliasQuery = z.object({
  reason: Reason,
  /** The revision the caller saw last. */
  ifRevision: z.coerce.number().int().positive().optional(),
});
export type DeleteAliasQuery = z.input<typeof DeleteAliasQuery>;
