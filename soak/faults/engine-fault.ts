/** The process of a node's GPU adapter killed in the middle of runs; what it ran is answered elsewhere. */
import { swiftShaderEnv } from '../../gpu-node/src/testing/swiftshader.ts';
import { callOnce, Tally } from '../support/callers.ts';
import { type GpuNode, until } from '../support/gpu-node.ts';
import type { Fault } from './fault.ts';
import type { Stage } from './stage.ts';

let gpu: GpuNode | undefined;

export const engineKilled: Fault = {
  name: 'engine killed',
  what: "SIGKILL to the process of the node's WebGPU adapter (SwiftShader), which has the model",
  told: [],
  async begin(stage) {
    await stage.b.terminate();
    gpu = stage.node({ name: 'gpu', flags: ['--webgpu', 'on'], env: await swiftShaderEnv() });
  },
  async round(stage) {
    const node = gpu as GpuNode;
    // Started anew each time: a model that was there at three crashes runs on the CPU from then on.
    await stage.start(node);
    await stage.a.terminate();
    await untilAnswersFrom(stage, node);
    await stage.start(stage.a);
    let killed = 0;
    const tally = await stage.underLoad(async () => {
      for (const pid of await node.children()) {
        process.kill(pid, 'SIGKILL');
        killed++;
      }
    });
    const began = performance.now();
    await stage.a.terminate();
    await untilAnswersFrom(stage, node);
    const recoveredMs = performance.now() - began;
    await stage.start(stage.a);
    await node.terminate();
    return { tally, recoveredMs, violations: killed === 0 ? ['the node had no process to kill'] : [] };
  },
  async end(stage) {
    await stage.start(stage.b);
    return [];
  },
};

async function untilAnswersFrom(stage: Stage, node: GpuNode): Promise<void> {
  const id = (await node.seen())?.id;
  await until(`${node.name} answers`, async () => {
    const tally = new Tally();
    await callOnce(stage.work, tally);
    return tally.placement === `node:${id}`;
  });
}
