import { batchPlan, Manifest, type TrialReport } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import type { RunInput } from '../engines/engine.ts';
import type { Models } from '../models/lifecycle.ts';
import type { Tokenizers } from '../texts/tokenizers.ts';
import { Claim } from './claim.ts';
import { embed } from './embed.ts';
import { InferenceCore } from './infer.ts';

const target = { model: 'm', version: 1, digest: 'd' };
const MASKED = { ids: 'ids', mask: 'mask' };

function embedWith(acquire: () => Promise<unknown>, inputs: string[], timeoutMs: number, tokenizers: unknown = {}) {
  const core = new InferenceCore({ acquire } as unknown as Models, { requests: 1, bytes: 1e6 });
  const admitted = core.admit(target, new Claim('a', 2, performance.now()).answerWithin(timeoutMs));
  return embed({ tokenizers: tokenizers as Tokenizers }, { target, admitted, inputs, dimensions: undefined });
}

/** How many texts of five go into each run. */
async function rowsOfRuns(tokenInputs: { ids: string; mask?: string }, report?: Partial<TrialReport>, stated?: number) {
  const spec = { path: 'tokenizer.json', inputs: tokenInputs, maxTokens: 8, tooLong: 'refuse' };
  const manifest = Manifest.parse({
    format: 'onnx',
    task: 'embeddings',
    files: ['model.onnx', 'tokenizer.json'].map((path) => ({ path, digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 })),
    inputs: Object.values(tokenInputs).map((name) => ({ name, datatype: 'INT64', shape: [-1, -1] })),
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    tokenizer: spec,
    embedding: { output: 'y', dimensions: 'fixed', pooling: 'none', normalize: false },
    ...(stated && { batching: { maxBatchSize: stated } }),
  });
  const rows: number[] = [];
  const run = async ({ inputs }: RunInput) => {
    const count = inputs[0]?.shape[0] as number;
    rows.push(count);
    const y = { name: 'y', datatype: 'FP32' as const, shape: [count, 2], data: new Float32Array(2 * count).fill(1) };
    return { outputs: [y], runMs: 1 };
  };
  const lease = {
    manifest,
    plan: batchPlan(manifest, report && { node: report as TrialReport, batching: { maxBatchSize: 4 } }),
    isMeasured: report !== undefined,
    instance: { inputs: [], outputs: [], concurrency: 1, run },
    folder: undefined,
    loadMs: undefined,
    release: () => {},
  };
  const thread = { tokenizer: { spec, padId: 0 }, encode: async (texts: string[]) => texts.map(() => [1, 2]) };
  await embedWith(async () => lease, ['a', 'b', 'c', 'd', 'e'], 60_000, { get: async () => thread });
  return rows;
}

it('waits for a model that is being loaded no longer than its caller does', async () => {
  const embedded = embedWith(() => new Promise(() => undefined), ['a'], 20);
  await expect(embedded).rejects.toMatchObject({ code: 'deadline_exceeded' });
});

it('runs texts together as was stated or measured, and alone where that changes their answers', async () => {
  const invariant = { batchInvariant: true, perItemMs: { 1: 2, 4: 1 } };
  expect(await rowsOfRuns(MASKED, invariant)).toEqual([4, 1]);
  expect(await rowsOfRuns(MASKED, invariant, 3)).toEqual([3, 2]);
  expect(await rowsOfRuns(MASKED, { batchInvariant: false }, 3)).toEqual([1, 1, 1, 1, 1]);
});

it('runs texts together where nobody has measured it, as stated, else if padding is masked', async () => {
  expect(await rowsOfRuns(MASKED)).toEqual([5]);
  expect(await rowsOfRuns(MASKED, undefined, 3)).toEqual([3, 2]);
  expect(await rowsOfRuns(MASKED, undefined, 1)).toEqual([1, 1, 1, 1, 1]);
  expect(await rowsOfRuns({ ids: 'ids' })).toEqual([1, 1, 1, 1, 1]);
});
