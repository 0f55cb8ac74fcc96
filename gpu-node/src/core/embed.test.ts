import { expect, it } from 'vitest';
import type { Models } from '../models/lifecycle.ts';
import type { Tokenizers } from '../texts/tokenizers.ts';
import { Claim } from './claim.ts';
import { embed } from './embed.ts';
import { InferenceCore } from './infer.ts';

it('waits for a model that is being loaded no longer than its caller does', async () => {
  const target = { model: 'm', version: 1, digest: 'd' };
  const models = { acquire: () => new Promise(() => undefined) } as unknown as Models;
  const core = new InferenceCore(models, { requests: 1, bytes: 1e6 });
  const admitted = core.admit(target, new Claim('a', 2, performance.now()).answerWithin(20));
  const tokenizers = {} as Tokenizers;
  const embedded = embed({ tokenizers }, { target, admitted, inputs: ['a'], dimensions: undefined });
  await expect(embedded).rejects.toMatchObject({ code: 'deadline_exceeded' });
});
