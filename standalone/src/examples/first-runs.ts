/** One inference on each example, told in a table; the requests are kept, so that one can be shown as a curl. */
import { join } from 'node:path';
import type { InferOptions, InferResult, LeptonClient, TensorInput } from '@lepton-edge/client';
import type { Example, ExampleRun, Inferer } from '@lepton-edge/examples';
import { encodeInferRequest } from '@lepton-edge/protocol';
import { sentenceOf } from '../failure.ts';
import { writeFileAtomically } from '../write-file.ts';

export interface FirstRun {
  model: string;
  /** `edge`, `node local-1`, `cache`; `-` when it failed. */
  where: string;
  /** Milliseconds for all calls of the run. */
  totalMs: number;
  /** What the example said, or why it could not. */
  answer: string;
  /** The run's first request: its body as a file, and how many numbers it and its answer hold. Absent when it failed. */
  request?: { path: string; elementCount: number };
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
  const recorder = new Recorder(runner.client);
  const began = performance.now();
  let run: ExampleRun;
  try {
    run = await example.run(recorder);
  } catch (error) {
    const totalMs = performance.now() - began;
    return { model: example.name, where: '-', totalMs, answer: sentenceOf(error) };
  }
  const totalMs = performance.now() - began;
  const path = join(runner.folder, `${example.name}.json`);
  await writeFileAtomically(path, recorder.firstBody);
  const where = tellPlacement(run.last.placement, nodes);
  const request = { path, elementCount: recorder.firstElementCount };
  return { model: example.name, where, totalMs, answer: run.answer, request };
}

/** Passes inferences on and keeps the first. */
class Recorder implements Inferer {
  firstBody = '';
  /** Of all its input and output tensors. */
  firstElementCount = 0;
  readonly #client: Inferer;

  constructor(client: Inferer) {
    this.#client = client;
  }

  async infer(ref: string, inputs: TensorInput[], options?: InferOptions): Promise<InferResult> {
    const result = await this.#client.infer(ref, inputs, options);
    if (this.firstBody === '') {
      this.firstBody = encodeInferRequest({ inputs });
      this.firstElementCount = [...inputs, ...result.outputs].reduce((sum, { data }) => sum + data.length, 0);
    }
    return result;
  }
}

/** `node:node_01J…` is told by the node's name. */
export function tellPlacement(placement: string, nodes: Map<string, string>): string {
  if (!placement.startsWith('node:')) return placement;
  const id = placement.slice('node:'.length);
  return `node ${nodes.get(id) ?? id}`;
}
