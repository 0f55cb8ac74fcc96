/** How a gateway has a node try a version: `POST /trial` with a grant, asked again until it has ended. */
import { z } from 'zod';
import { Digest, ModelName } from '../names.ts';
import { TensorSpec, TrialFailure, TrialReport } from '../versions.ts';

export const TRIAL_PATH = '/trial';

export const NodeTrialInput = z.strictObject({
  model: ModelName,
  version: z.number().int().positive(),
  digest: Digest,
});
export type NodeTrialInput = z.infer<typeof NodeTrialInput>;

/** `working`: ask again. The signature is told for files that inspection cannot read. */
export const NodeTrialAnswer = z.discriminatedUnion('state', [
  z.object({ state: z.literal('working'), progress: z.string() }),
  z.object({
    state: z.literal('ok'),
    report: TrialReport,
    inputs: z.array(TensorSpec),
    outputs: z.array(TensorSpec),
  }),
  z.object({ state: z.literal('failed'), failure: TrialFailure }),
]);
export type NodeTrialAnswer = z.infer<typeof NodeTrialAnswer>;
