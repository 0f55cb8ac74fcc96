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
