/** What the gpu-node is measured with: real models, and the request that every caller repeats. */
import type { ManifestInput, Tensor } from '@lepton-edge/protocol';
import { sileroVad } from '../examples/silero-vad/index.ts';
import { useLite } from '../examples/use-lite/index.ts';

const TOKENS = 64;

/** The callers, and so the items of a batch, at which a server is compared with the engine alone. */
export const MOST = 64;

export interface Workload {
  name: string;
  title: string;
  model(): Promise<Uint8Array<ArrayBuffer>>;
  manifest: ManifestInput;
  inputs(items: number): Tensor[];
  outputs: string[];
  /** How many times as long as others it must be watched to see enough of it. */
  patience: number;
}

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'silero-vad',
    title: 'Silero VAD, one frame a request',
    model: sileroVad.build,
    manifest: { batching: { maxBatchSize: 64, axes: { input: 0, state: 1, output: 0, stateN: 1 } } },
    inputs: (items) => [
      floats('input', [items, 576]),
      floats('state', [2, items, 128]),
      { name: 'sr', datatype: 'INT64', shape: [], data: BigInt64Array.of(16_000n) },
    ],
    outputs: ['output', 'stateN'],
    patience: 1,
  },
  {
    name: 'use-lite',
    title: `USE-lite fp32, ${TOKENS} tokens a request`,
    model: useLite.build,
    // More at a time is no faster for each, and keeps the others waiting.
    manifest: { batching: { maxBatchSize: 16 } },
    inputs: (items) => [
      {
        name: 'input_ids',
        datatype: 'INT64',
        shape: [items, TOKENS],
        data: BigInt64Array.from({ length: items * TOKENS }, (_, i) => BigInt(10 + ((i * 131) % 7000))),
      },
    ],
    outputs: ['sentence_embedding'],
    patience: 3,
  },
];

export function workloadNamed(name: string | undefined): Workload {
  const found = WORKLOADS.find((each) => each.name === name);
  if (found) return found;
  throw new Error(`expected one of ${WORKLOADS.map((each) => each.name).join(', ')}, got ${name}`);
}

function floats(name: string, shape: number[]): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return { name, datatype: 'FP32', shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i) / 4) };
}
