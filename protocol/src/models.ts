/** A model: a name under which versions are collected, owned by a team. */
import { z } from 'zod';
import { ModelName } from './names.ts';

export const Visibility = z.enum(['private', 'public']);
export type Visibility = z.infer<typeof Visibility>;

export const Task = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a lower-case word such as "tensor" or "embedding"');

export const Labels = z.record(z.string().min(1).max(63), z.string().max(255));

export const CreateModelInput = z.strictObject({
  name: ModelName,
  task: Task.default('tensor'),
  description: z.string().max(2000).optional(),
  visibility: Visibility.default('private'),
  labels: Labels.optional(),
  /** Only `admin` may name another team, by id or name. */
  team: z.string().min(1).max(64).optional(),
});
export type CreateModelInput = z.input<typeof CreateModelInput>;

export const PatchModelInput = z
  .strictObject({
    task: Task.optional(),
    description: z.string().max(2000).optional(),
    visibility: Visibility.optional(),
    labels: Labels.optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'expected at least one of task, description, visibility, labels');
export type PatchModelInput = z.input<typeof PatchModelInput>;

export const DeleteModelQuery = z.object({
  /** Deletes it even while aliases or other teams refer to it. */
  force: z.enum(['true', 'false']).default('false'),
});

/** `read`: may look at the model and its files, and infer; `infer`: may only call it. */
export const Access = z.enum(['read', 'infer']);
export type Access = z.infer<typeof Access>;

export const PutGrantInput = z.strictObject({ access: Access });
export type PutGrantInput = z.input<typeof PutGrantInput>;

/** What another team may do with a model. */
export const Grant = z.object({
  model: z.string(),
  team: z.string(),
  access: Access,
  createdAt: z.string(),
  createdBy: z.string(),
});
export type Grant = z.infer<typeof Grant>;

export const Model = z.object({
  name: z.string(),
  task: z.string(),
  description: z.string().optional(),
  visibility: Visibility,
  labels: Labels,
  team: z.string(),
  latestVersion: z.number().int().optional(),
  createdAt: z.string(),
  createdBy: z.string(),
});
export type Model = z.infer<typeof Model>;
