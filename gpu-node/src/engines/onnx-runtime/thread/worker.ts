/** A worker thread that holds one ONNX Runtime session: `create` and `run` block, so they may not be where HTTP is. */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, isGpuFault, sentenceOf, toWireOutput } from '../describe.ts';
import { buffersOf } from '../tensors.ts';
import type { FromWorker, ToWorker, WorkerInput } from './messages.ts';

// Where there is a Float16Array, ONNX Runtime makes one of every FP16 tensor, and its native half then fails on it with
// "not enough space". Without, both agree on bit patterns in a Uint16Array, which is our form too.
Reflect.deleteProperty(globalThis, 'Float16Array');
const { default: ort } = await import('onnxruntime-node');

if (!parentPort) throw new Error('this file is a worker thread: it cannot be started by itself');
const port = parentPort;
const { path, threads, executionProvider } = workerData as WorkerInput;

const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: [executionProvider],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  // Every failure comes as an error to the caller; ONNX Runtime would also print it.
  logSeverityLevel: 4,
  // Threads that wait by spinning would take the cores from those that serve.
  ...(threads > 1 ? { extra: { session: { intra_op: { allow_spinning: '0' } } } } : {}),
};

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function createSession({ path, format }: WorkerInput): Promise<InferenceSession> {
  // By its path a file is taken for ONNX, whatever it holds.
  if (format === 'ort') return ort.InferenceSession.create(await readFile(path), OPTIONS);
  return ort.InferenceSession.create(path, OPTIONS);
}

async function run(session: InferenceSession, message: ToWorker & { kind: 'run' }): Promise<void> {
  try {
    const feeds: Record<string, Tensor> = {};
    for (const { name, type, dims, data } of message.inputs) feeds[name] = new ort.Tensor(type, data as never, dims);
    const startedAt = performance.now();
    const results = await session.run(feeds, [...message.outputs]);
    const runMs = performance.now() - startedAt;
    const outputs = message.outputs.map((name) => toWireOutput(name, results[name]));
    send({ kind: 'result', id: message.id, outputs, runMs }, buffersOf(outputs));
  } catch (error) {
    const sentence = sentenceOf(error, path);
    // It may fail all that comes after: without the thread the model is loaded again, where it still can be.
    if (isGpuFault(sentence)) throw error;
    send({ kind: 'refused', id: message.id, message: sentence });
  }
}

async function main(): Promise<void> {
  let session: InferenceSession;
  try {
    session = await createSession(workerData as WorkerInput);
    const inputs = describe(session.inputMetadata, 'input');
    const outputs = describe(session.outputMetadata, 'output');
    send({ kind: 'ready', inputs, outputs });
  } catch (error) {
    send({ kind: 'failed', message: sentenceOf(error, path) });
    port.close();
    return;
  }
  // One after the other, so that the time of a run is its own.
  let last = Promise.resolve();
  port.on('message', (message: ToWorker) => {
    last = last.then(async () => {
      if (message.kind === 'run') return run(session, message);
      await session.release();
      port.close();
    });
  });
}

await main();
