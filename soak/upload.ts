/** The soak `upload`: a large model is pushed, killed half-way, pushed on, admitted on a node, and answers there. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeptonClient } from '@lepton-edge/client';
import type { Upload } from '@lepton-edge/protocol';
import { Program } from '../test/support/program.ts';
import { SoakGateway } from './support/gateway.ts';
import { type BigModel, bytesAt, rowAt, writeBigModel } from './upload/big-model.ts';
import { Health } from './upload/health.ts';
import { Resident } from './upload/resident.ts';

export interface UploadOptions {
  /** Gets the files and the gateway's home; empty, and removed afterwards. */
  folder: string;
  port: number;
  sizeMib: number;
  /** Of the gateway's processes. */
  env: Record<string, string>;
  /** How long the gateway is left alone before its memory counts as idle. */
  settleMs: number;
  say: (line: string) => void;
}

export interface UploadResult {
  violations: string[];
  sizeBytes: number;
  /** What the gateway had when the first push was killed. */
  keptBytes: number;
  /** What the second push says it sent. */
  resentBytes: number;
  pushMs: number;
  firstAnswerMs: number;
  /** Of workerd, the most in each phase, in bytes. */
  resident: Record<Phase, number>;
  /** The longest wait for an answer of /v2/health/live in each phase, in ms. */
  healthMs: Record<Phase, number>;
}

export const PHASES = ['idle', 'storing', 'verifying', 'admission', 'reading', 'after'] as const;
type Phase = (typeof PHASES)[number];

const MODEL = 'big';
/** A small file has few parts: sent one by one, so that there is a half of it. */
const SMALL_MIB = 256;
const POLL_MS = 100;
const READS = 24;
const READ_BYTES = 1024 * 1024;

export async function soakUpload(options: UploadOptions): Promise<UploadResult> {
  const { folder, port, sizeMib, env, say } = options;
  await mkdir(folder, { recursive: true });
  const gateway = new SoakGateway({ home: join(folder, 'home'), port, nodes: 1, vars: {}, env });
  try {
    say(`${sizeMib} MiB: writing the model`);
    const model = await writeBigModel(folder, sizeMib);
    await gateway.start();
    return await run(gateway, model, options);
  } finally {
    await gateway.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(gateway: SoakGateway, model: BigModel, { folder, sizeMib, settleMs, say }: UploadOptions) {
  const violations: string[] = [];
  const client = gateway.client();
  const resident = new Resident(await gateway.workerdPid(), 'idle');
  const health = new Health(gateway.url, 'idle');
  const enter = (phase: Phase) => {
    resident.enter(phase);
    health.enter(phase);
  };
  await sleep(settleMs);
  const push = () => pushed(gateway, model, folder, sizeMib < SMALL_MIB ? 1 : 4);

  enter('storing');
  const { digest, sizeBytes } = model;
  const begun = await client.uploads.create({ digest, sizeBytes, filename: 'weights.bin' });
  if ('exists' in begun) throw new Error('the home is not empty');
  const kept = await killedHalfWay(push(), client, begun);
  const keptBytes = kept.received.reduce((sum, part) => sum + partBytes(kept, part), 0);
  say(`killed with ${kept.received.length} of ${kept.partCount} parts received`);

  const began = performance.now();
  const again = push();
  await followed(again, client, begun, enter);
  const { code } = await again.exited;
  const pushMs = performance.now() - began;
  if (code !== 0) throw new Error(`the second push ended with status ${code}:\n${again.output}`);
  const { version, files } = JSON.parse(again.output);
  const resentBytes = files[0].sentBytes as number;
  if (resentBytes !== sizeBytes - keptBytes)
    violations.push(`${resentBytes} bytes were sent, ${sizeBytes - keptBytes} were missing`);
  if (files[0].digest !== digest) violations.push(`the digest is ${files[0].digest}, expected ${digest}`);
  if (version.state !== 'ready') violations.push(`the version is ${version.state}: ${version.reason}`);
  if (!version.admission?.node) violations.push(`no node tried it: ${JSON.stringify(version.admission)}`);
  say(`pushed in ${Math.round(pushMs)} ms, ${version.state}`);

  enter('reading');
  violations.push(...(await wrongReads(client, model)));
  const firstAnswer = performance.now();
  violations.push(...(await wrongRows(client, model)));
  const firstAnswerMs = performance.now() - firstAnswer;
  enter('after');
  await sleep(settleMs);
  resident.stop();
  health.stop();
  const peaks = Object.fromEntries(PHASES.map((phase) => [phase, resident.peaks.get(phase) ?? 0]));
  peaks.after = resident.last;
  const result: UploadResult = {
    violations,
    sizeBytes,
    keptBytes,
    resentBytes,
    pushMs,
    firstAnswerMs,
    resident: peaks as UploadResult['resident'],
    healthMs: Object.fromEntries(
      PHASES.map((phase) => [phase, health.slowest.get(phase) ?? 0]),
    ) as UploadResult['healthMs'],
  };
  return result;
}

function pushed(gateway: SoakGateway, { weights, onnx }: BigModel, folder: string, parallel: number): Program {
  const args = ['push', weights, onnx, '--model', MODEL, '--create', '--json', '--parallel', String(parallel)];
  const env = { LEPTON_URL: gateway.url, LEPTON_KEY: gateway.key, XDG_CONFIG_HOME: folder };
  return Program.run(process.execPath, ['client/src/cli/main.ts', ...args], env);
}

function partBytes({ sizeBytes, partSizeBytes }: Upload, part: number): number {
  return Math.min(partSizeBytes, sizeBytes - (part - 1) * partSizeBytes);
}

/** @returns the upload as the gateway has it when nothing comes any more */
async function killedHalfWay(program: Program, client: LeptonClient, { id }: Upload): Promise<Upload> {
  for (;;) {
    const { received, partCount } = await client.uploads.get(id);
    if (received.length >= partCount / 2) break;
    if (program.processes().length === 0) throw new Error(`the push ended too soon:\n${program.output}`);
    await sleep(POLL_MS);
  }
  await program.destroy();
  // What was on its way arrives, or does not.
  for (let before = -1; ; ) {
    await sleep(1000);
    const upload = await client.uploads.get(id);
    if (upload.received.length === before) return upload;
    before = upload.received.length;
  }
}

/** Tells the watch how far a push is, until it ends. */
async function followed(
  program: Program,
  client: LeptonClient,
  { id }: Upload,
  enter: (phase: Phase) => void,
): Promise<void> {
  const states = { open: 'storing', verifying: 'verifying', done: 'admission' } as const;
  let ended = false;
  void program.exited.then(() => {
    ended = true;
  });
  while (!ended) {
    enter(states[(await client.uploads.get(id)).state]);
    await sleep(POLL_MS);
  }
}

/** The stored file by range at random places, its ends among them. */
async function wrongReads(client: LeptonClient, { digest, sizeBytes }: BigModel): Promise<string[]> {
  const wrong: string[] = [];
  for (let i = 0; i < READS; i++) {
    const length = 1 + Math.floor(Math.random() * Math.min(READ_BYTES, sizeBytes));
    const offset = i === 0 ? 0 : i === 1 ? sizeBytes - length : Math.floor(Math.random() * (sizeBytes - length));
    const got = Buffer.from(await (await client.blobs.get(digest, { offset, length })).arrayBuffer());
    if (!got.equals(bytesAt(offset, length))) wrong.push(`${length} bytes at ${offset} read back as others`);
  }
  return wrong;
}

/** Rows of the table as the node answers them, the first and the last among them. */
async function wrongRows(client: LeptonClient, { rows }: BigModel): Promise<string[]> {
  const asked = [0, rows - 1, ...Array.from({ length: 6 }, () => Math.floor(Math.random() * rows))];
  const data = BigInt64Array.from(asked, BigInt);
  const answer = await client.infer(`${MODEL}@1`, [{ name: 'ids', datatype: 'INT64', shape: [asked.length], data }]);
  const y = answer.output('y').data as Float32Array;
  const expected = asked.flatMap((row) => [...rowAt(row)]);
  const fine = y.length === expected.length && expected.every((value, i) => y[i] === value);
  const where = answer.placement.startsWith('node:') ? [] : [`it was answered by ${answer.placement}`];
  return fine ? where : [...where, `the rows ${asked} were answered as others`];
}
