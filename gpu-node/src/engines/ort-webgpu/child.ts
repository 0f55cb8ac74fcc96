/**
 * The process of one WebGPU adapter: holds ONNX Runtime's sessions on it, and does what it is asked, one thing after the
 * other. Reading and running block, so nothing else lives here; when the node goes away, the pipe ends and so does this.
 */
import { readSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, sentenceOf, toWireOutput } from '../onnx-runtime/describe.ts';
import type { WireTensor } from '../onnx-runtime/tensors.ts';
import { encodeFrame, type Frame, PIPE_FD, readFrame } from './frames.ts';
import type { Answer, Question } from './messages.ts';

// See `onnx-runtime/thread/worker.ts`: the two halves of ONNX Runtime's binding disagree on it.
Reflect.deleteProperty(globalThis, 'Float16Array');
const { default: ort } = await import('onnxruntime-node');

interface Loaded {
  session: InferenceSession;
  path: string;
}

/** A session that is collected while the adapter works for it takes the process down: all are kept until released. */
const sessions = new Map<number, Loaded>();
const MAX_PIECE = 1 << 30;
/** ONNX Runtime's severities. */
const VERBOSE = 0;
const FATAL = 4;
/** Nothing runs on an adapter that went away, in any session: only a new process finds it, or another. */
const DEVICE_LOST = /device[ _](?:is |was )?lost/i;

async function load({ session: id, source, survey }: Question & { kind: 'load' }): Promise<Answer> {
  const { path, format } = source;
  const options: InferenceSession.SessionOptions = {
    // By default it turns convolutions to NHWC, and then gets those of 33 or 129 channels, among others, wrong.
    executionProviders: [{ name: 'webgpu', preferredLayout: 'NCHW' }],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: survey ? VERBOSE : FATAL,
  };
  if (survey) ort.env.logLevel = 'verbose';
  const session =
    format === 'ort'
      ? await ort.InferenceSession.create(await readFile(path), options)
      : await ort.InferenceSession.create(path, options);
  sessions.set(id, { session, path });
  const inputs = describe(session.inputMetadata, 'input');
  return { kind: 'ready', inputs, outputs: describe(session.outputMetadata, 'output') };
}

async function run(
  { session: id, outputs: names }: Question & { kind: 'run' },
  inputs: WireTensor[],
): Promise<[Answer, WireTensor[]]> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, type, dims, data } of inputs) feeds[name] = new ort.Tensor(type, data as never, dims);
  const startedAt = performance.now();
  const results = await loaded(id).session.run(feeds, [...names]);
  const runMs = performance.now() - startedAt;
  return [{ kind: 'result', runMs }, names.map((name) => toWireOutput(name, results[name]))];
}

async function release(id: number): Promise<Answer> {
  const { session } = loaded(id);
  sessions.delete(id);
  await session.release();
  return { kind: 'released' };
}

function loaded(id: number): Loaded {
  const found = sessions.get(id);
  if (!found) throw new Error('its session has been released');
  return found;
}

async function answer({ message, tensors }: Frame<Question>): Promise<[Answer, WireTensor[]?]> {
  if (message.kind === 'end') return process.exit(0);
  try {
    if (message.kind === 'load') return [await load(message)];
    if (message.kind === 'run') return await run(message, tensors);
    return [await release(message.session)];
  } catch (error) {
    const path = message.kind === 'load' ? message.source.path : sessions.get(message.session)?.path;
    const text = sentenceOf(error, path ?? '\0');
    if (message.kind === 'run' && DEVICE_LOST.test(text)) return process.exit(1);
    return [{ kind: 'refused', message: text }];
  }
}

function read(bytes: number): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(bytes);
  for (let at = 0; at < bytes; ) {
    const count = readSync(PIPE_FD, buffer, at, Math.min(bytes - at, MAX_PIECE), null);
    if (count === 0) process.exit(0);
    at += count;
  }
  return buffer;
}

function write(part: Uint8Array): void {
  for (let at = 0; at < part.byteLength; ) {
    at += writeSync(PIPE_FD, part, at, Math.min(part.byteLength - at, MAX_PIECE), null);
  }
}

function next(): Frame<Question> {
  const reading = readFrame<Question>();
  for (let step = reading.next(); ; ) {
    if (step.done) return step.value;
    step = reading.next(read(step.value));
  }
}

for (;;) {
  const [message, tensors] = await answer(next());
  for (const part of encodeFrame(message, tensors)) write(part);
}
