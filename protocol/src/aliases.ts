/** An alias: a movable pointer of a model to versions with weights. */
import { z } from 'zod';

export const AliasTarget = z.strictObject({
  version: z.number().int().positive(),
  /** A share of the sum of all weights. */
  weight: z.number().positive().max(1_000_000).default(1),
});
export type AliasTarget = z.infer<typeof AliasTarget>;

export const PutAliasInput = z.strictObject({
  targets: z
    .array(AliasTarget)
    .min(1)
    .max(16)
    .refine((targets) => new Set(targets.map((t) => t.version)).size === targets.length, 'names a version twice'),
  reason: z.string().min(1).max(500),
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
