/** The process of one trial: loads a model on this machine's engines, runs it, reports, and ends. It may be killed at any time. */
import {
  type Manifest,
  type Tensor,
  TrialRefusal,
  type TrialReport,
  tensorBytes,
  tryModel,
} from '@lepton-edge/protocol';
import { EngineError, type Instance } from '../engines/engine.ts';
import { ortCpu } from '../engines/ort-cpu/engine.ts';
import { Engines } from '../engines/registry.ts';
import type { TrialJob, TrialNews, TrialSample } from './messages.ts';

/** What is larger is not sent to the node: it would have to hold it, too. */
const MAX_SAMPLE_BYTES = 64 * 1024 * 1024;

process.once('message', async (job: TrialJob) => {
  const news = await attempt(job);
  process.send?.(news, () => process.exit(0));
});
// The node went away: nobody waits for this any more.
process.once('disconnect', () => process.exit(1));

async function attempt({ source, manifest, where, wantsSample }: TrialJob): Promise<TrialNews> {
  const engines = await Engines.start([ortCpu]);
  process.send?.({ kind: 'started' } satisfies TrialNews);
  const began = performance.now();
  let instance: Instance;
  try {
    instance = await engines.load(source);
  } catch (error) {
    return { kind: 'failed', failure: { kind: isMemory(error) ? 'memory' : 'load', message: sentenceOf(error) } };
  }
  const loadMs = Math.round((performance.now() - began) * 1000) / 1000;
  process.send?.({ kind: 'loaded' } satisfies TrialNews);
  const { inputs, outputs } = instance;
  const signature = manifest.inputs.length > 0 ? manifest : { ...manifest, inputs: [...inputs], outputs: [...outputs] };
  try {
    let sample: TrialSample | undefined;
    const runner = runnerOf(instance, signature, (first) => {
      if (wantsSample && bytesOf(first) <= MAX_SAMPLE_BYTES) sample = first;
    });
    const measures = await tryModel(signature, runner);
    const engine = engines.reports[0]?.name ?? 'unknown';
    const report: TrialReport = { where, engine, loadMs, ...measures };
    return { kind: 'done', report, inputs: [...inputs], outputs: [...outputs], ...(sample && { sample }) };
  } catch (error) {
    if (error instanceof TrialRefusal) return { kind: 'failed', failure: { kind: 'inputs', message: error.message } };
    const kind = isMemory(error) ? 'memory' : 'stopped';
    return { kind: 'failed', failure: { kind, message: sentenceOf(error) } };
  }
}

/** @param onFirst told what the model took first, and its answer */
function runnerOf(instance: Instance, { outputs }: Manifest, onFirst: (sample: TrialSample) => void) {
  const names = outputs.map(({ name }) => name);
  let isFirst = true;
  return {
    async run(inputs: Parameters<Instance['run']>[0]['inputs'], times: number) {
      let total = 0;
      let answer: Awaited<ReturnType<Instance['run']>> | undefined;
      for (let i = 0; i < times; i++) {
        try {
          // The engine takes the buffers over, so each run gets its own.
          answer = await instance.run({ inputs: structuredClone(inputs), outputs: names });
        } catch (error) {
          if (error instanceof EngineError && error.failure === 'refused' && !isMemory(error)) {
            throw new TrialRefusal(error.message);
          }
          throw error;
        }
        total += answer.runMs;
        if (isFirst) onFirst({ inputs: [...inputs], outputs: answer.outputs });
        isFirst = false;
      }
      return { outputs: answer?.outputs ?? [], runMs: total / times };
    },
  };
}

function bytesOf({ inputs, outputs }: TrialSample): number {
  return [...inputs, ...outputs].reduce((bytes: number, tensor: Tensor) => bytes + tensorBytes(tensor), 0);
}

function isMemory(error: unknown): boolean {
  return /bad_alloc|out of memory|Failed to allocate/i.test(sentenceOf(error));
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
