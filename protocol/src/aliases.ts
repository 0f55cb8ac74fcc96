/** An alias: a movable pointer of a model to versions with weights. */
import { z } from 'zod';

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
