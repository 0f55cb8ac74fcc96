/** One inference on each example, told in a table; the requests are kept, so that one can be shown as a curl. */
import { join } from 'node:path';
import type { InferOptions, LeptonClient, TensorInput } from '@lepton-edge/client';
import type { Example } from '@lepton-edge/examples';
import { encodeInferRequest } from '@lepton-edge/protocol';
import { sentenceOf } from '../failure.ts';
import { writeFileAtomically } from '../write-file.ts';

export interface FirstRun {
  model: string;
  /** `edge`, `node local-1`, `cache`; `-` when it failed. */
  where: string;
  /** Milliseconds for all calls of the run. */
  totalMs: number;
  answer: string;
  failed: boolean;
  /** The body of the run's first request as a file. */
  request?: { path: string; sizeBytes: number };
}

export interface Runner {
  client: LeptonClient;
  /** Where the requests are kept. */
  folder: string;
  signal: AbortSignal;
}

/** An example that fails is told in its row: the others and the gateway go on. */
export async function runExamples(examples: readonly Example[], runner: Runner): Promise<FirstRun[]> {
  const { items } = await runner.client.nodes.list();
  const names = new Map(items.map((node) => [node.id, node.name]));
  const runs: FirstRun[] = [];
  for (const example of examples) {
    runner.signal.throwIfAborted();
    runs.push(await runExample(example, runner, names));
  }
  return runs;
}

async function runExample(example: Example, runner: Runner, nodes: Map<string, string>): Promise<FirstRun> {
  let first: string | undefined;
  const recorded = {
    infer(ref: string, inputs: TensorInput[], options?: InferOptions) {
      first ??= encodeInferRequest({ inputs });
      return runner.client.infer(ref, inputs, options);
    },
  };
  const began = performance.now();
  const elapsed = () => performance.now() - began;
  try {
    const { answer, last } = await example.run(recorded);
    const run = { model: example.name, where: tellPlacement(last.placement, nodes), totalMs: elapsed(), answer };
    if (first === undefined) return { ...run, failed: false };
    const path = join(runner.folder, `${example.name}.json`);
    await writeFileAtomically(path, first);
    return { ...run, failed: false, request: { path, sizeBytes: Buffer.byteLength(first) } };
  } catch (error) {
    return { model: example.name, where: '-', totalMs: elapsed(), answer: sentenceOf(error), failed: true };
  }
}

/** `node:node_01J…` is told by the node's name. */
export function tellPlacement(placement: string, nodes: Map<string, string>): string {
  if (!placement.startsWith('node:')) return placement;
  const id = placement.slice('node:'.length);
  return `node ${nodes.get(id) ?? id}`;
}
