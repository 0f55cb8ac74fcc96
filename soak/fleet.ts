/** The soak `fleet`: six real models on two nodes that have room for three each, their versions swapped under callers all the while. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, type InferOptions, type LeptonClient } from '@lepton-edge/client';
import { type Example, examples } from '@lepton-edge/examples';
import type { Tensor } from '@lepton-edge/protocol';
import { bytes, concat } from '../examples/onnx-writer/protobuf.ts';
import { MemoryLog } from './fleet/memory-log.ts';
import { Callers, type KnownCall, type Tally } from './support/callers.ts';
import { SoakGateway } from './support/gateway.ts';
import { GpuNode } from './support/gpu-node.ts';

export interface FleetOptions {
  /** Empty. */
  folder: string;
  port: number;
  minutes: number;
  say: (line: string) => void;
}

export interface FleetResult {
  violations: string[];
  tally: Tally;
  /** Refused as they should be. */
  deliberate: number;
  swaps: number;
  /** Of models, on both nodes. */
  loads: number;
  unloads: number;
  memory: MemoryLog;
}

const MODELS = ['digits', 'language', 'silero-vad', 'pp-ocr-direction', 'pp-ocr-recognition', 'use-lite-int8'];
const ROOM = 3;
const CALLERS = 8;
const PAUSE_MS = 10;
const SWAP_EVERY_MS = 3_000;
const CALLS_EACH = 4;
const BAD_EVERY_MS = 250;

export async function soakFleet({ folder, port, minutes, say }: FleetOptions): Promise<FleetResult> {
  const gateway = new SoakGateway({ home: join(folder, 'gateway'), port, nodes: 0, vars: {} });
  const flags = ['--max-models', String(ROOM)];
  const nodes = ['a', 'b'].map(
    (name) => new GpuNode(() => gateway.client(), { name, home: join(folder, name), flags }),
  );
  try {
    await gateway.start();
    await Promise.all(nodes.map((node) => node.start()));
    const client = gateway.client(0);
    const calls: KnownCall[] = [];
    for (const example of examples.filter(({ name }) => MODELS.includes(name))) {
      await publish(client, example);
      calls.push(...(await callsOf(client, example)));
      say(`${example.name} is ready in two versions`);
    }
    const pids = { workerd: await gateway.workerdPid(), 'node a': nodes[0]?.pid ?? 0, 'node b': nodes[1]?.pid ?? 0 };
    return await run({ client, nodes, calls, memory: new MemoryLog(pids), minutes, say });
  } finally {
    await Promise.all(nodes.map((node) => node.destroy()));
    await gateway.destroy();
  }
}

interface Set {
  client: LeptonClient;
  nodes: readonly GpuNode[];
  calls: readonly KnownCall[];
  memory: MemoryLog;
  minutes: number;
  say: (line: string) => void;
}

async function run({ client, nodes, calls, memory, minutes, say }: Set): Promise<FleetResult> {
  const until = AbortSignal.timeout(minutes * 60_000);
  const callers = new Callers(calls, CALLERS, PAUSE_MS);
  const [swaps, bad] = await Promise.all([
    swapVersions(client, until),
    sendBad(client, calls, until),
    tellEveryMinute(callers.tally, until, say),
  ]);
  memory.stop();
  const tally = await callers.stop();
  const lines = nodes.flatMap((node) => node.output.split('\n'));
  const count = (what: string) => lines.filter((line) => line.includes(`"msg":"model ${what}"`)).length;
  const failed = [...tally.failed].map(([name, times]) => `${times} calls failed with ${name}`);
  return {
    violations: [
      ...failed,
      ...(failed.length > 0 ? tally.sentences : []),
      ...(tally.wrong > 0 ? [`${tally.wrong} answers were wrong`] : []),
      ...bad.violations,
      ...memory.violations(),
    ],
    tally,
    deliberate: bad.refused,
    swaps,
    loads: count('ready'),
    unloads: count('unloaded'),
    memory,
  };
}

/** Two versions that answer alike and are not the same file. */
async function publish(client: LeptonClient, { model, build }: Example): Promise<void> {
  await client.models.create(model);
  const onnx = await build();
  for (const number of [1, 2]) {
    // A message may be continued behind its end: here by an entry of ModelProto.metadata_props.
    const note = bytes(14, [bytes(1, 'soak'), bytes(2, String(number))]);
    const placed = { placement: { policy: 'node' as const }, cache: { ttlSeconds: 0 } };
    const { version } = await client.versions.upload(model.name, concat([onnx, note]), placed);
    await client.versions.waitReady(model.name, version);
  }
  await client.aliases.put(model.name, 'production', { targets: [{ version: 1 }], reason: 'the first' });
}

/** The calls that the example's own client makes, with what came. */
async function callsOf(client: LeptonClient, { name, run: runExample }: Example): Promise<KnownCall[]> {
  const calls: KnownCall[] = [];
  const infer = async (ref: string, inputs: Tensor[], options: InferOptions = {}) => {
    const result = await client.infer(ref, inputs, options);
    const call = () => client.infer(ref, inputs, options);
    if (calls.length < CALLS_EACH) calls.push({ model: name, call, expected: result.outputs });
    return result;
  };
  await runExample({ infer });
  return calls;
}

async function swapVersions(client: LeptonClient, until: AbortSignal): Promise<number> {
  let swaps = 0;
  for (; !until.aborted; swaps++) {
    const model = MODELS[swaps % MODELS.length] ?? '';
    const version = 2 - (Math.floor(swaps / MODELS.length) % 2);
    await client.aliases.put(model, 'production', { targets: [{ version }], reason: `swap ${swaps}` });
    await sleep(SWAP_EVERY_MS);
  }
  return swaps;
}

/** Calls that no model takes. */
async function sendBad(client: LeptonClient, calls: readonly KnownCall[], until: AbortSignal) {
  const violations: string[] = [];
  let refused = 0;
  for (let i = 0; !until.aborted; i++) {
    const { model = '' } = calls[i % calls.length] ?? {};
    const input: Tensor = { name: 'no-such-input', datatype: 'FP32', shape: [1], data: Float32Array.of(1) };
    const error = await client.infer(model, [input]).then(
      () => 'answered',
      (reason: unknown) => reason,
    );
    if (error instanceof GatewayError && error.status === 400) refused++;
    else violations.push(`a bad call of ${model} came to ${error}`);
    await sleep(BAD_EVERY_MS);
  }
  return { refused, violations };
}

async function tellEveryMinute(tally: Tally, until: AbortSignal, say: (line: string) => void): Promise<void> {
  const minute = 60_000;
  while (!until.aborted) {
    await sleep(minute, undefined, { signal: until }).catch(() => undefined);
    say(`${tally.answered} answers, ${[...tally.failed.values()].reduce((sum, n) => sum + n, 0)} failures`);
  }
}
