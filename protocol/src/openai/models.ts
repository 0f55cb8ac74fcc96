/** `GET /v1/models`. Source: OpenAI API reference, "Models". */
import { z } from 'zod';

export const OpenAiModel = z.object({
  /** What a request names: `name`, or the reference that was asked for. */
  id: z.string(),
  object: z.literal('model'),
  /** Seconds since 1970. */
  created: z.int(),
  /** The team. */
  owned_by: z.string(),
});
export type OpenAiModel = z.infer<typeof OpenAiModel>;

export const OpenAiModelList = z.object({ object: z.literal('list'), data: z.array(OpenAiModel) });
export type OpenAiModelList = z.infer<typeof OpenAiModelList>;
