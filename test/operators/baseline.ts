/** What ONNX Runtime itself makes of a case, without any of ours between: natively, and in WASM as the edge runs it. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { ARRAY_TYPE, datatypeOfOrt, ORT_TYPE, type Tensor } from '@lepton-edge/protocol';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { OperatorCase } from './cases.ts';
import { differenceOf } from './differences.ts';

/** @returns what is wrong with its answer, in words, or undefined where it is right */
export type Baseline = (known: OperatorCase) => Promise<string | undefined>;

/** Numbers are left out: they differ between machines. */
const OTHERWISE = 'ONNX Runtime answers otherwise than the reference';

interface Ort {
  InferenceSession: { create(onnx: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession> };
  Tensor: new (type: OrtTensor.Type, data: never, dims: readonly number[]) => OrtTensor;
}

export async function nativeBaseline(): Promise<Baseline> {
  // With a Float16Array the native half fails on FP16: see gpu-node/src/engines/onnx-runtime/thread/worker.ts.
  Reflect.deleteProperty(globalThis, 'Float16Array');
  const { default: ort } = await import('onnxruntime-node');
  return (known) => answer(ort as unknown as Ort, 'cpu', known);
}

export async function wasmBaseline(): Promise<Baseline> {
  const ort = await import('onnxruntime-web/wasm');
  const { resolve } = createRequire(import.meta.url);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await readFile(resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  return (known) => answer(ort as unknown as Ort, 'wasm', known);
}

async function answer(ort: Ort, provider: string, known: OperatorCase): Promise<string | undefined> {
  if (known.foreign) return `the protocol has tensors only: it takes or gives ${known.foreign}`;
  let session: InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(known.onnx, { executionProviders: [provider], logSeverityLevel: 4 });
    const feeds = Object.fromEntries(known.inputs.map((input) => [input.name, toOrt(ort, input)]));
    const results = await session.run(feeds);
    const outputs = known.expected.map(({ name }) => fromOrt(name, results[name]));
    return differenceOf(outputs, known.expected, known.random) && OTHERWISE;
  } catch (error) {
    return `ONNX Runtime cannot run it: ${sentenceOf(error)}`;
  } finally {
    await session?.release();
  }
}

function toOrt(ort: Ort, { name, datatype, shape, data }: Tensor): OrtTensor {
  const type = datatype === 'BF16' ? undefined : ORT_TYPE[datatype];
  if (!type) throw new Error(`${name} is ${datatype}, of which the runtime's JavaScript has no tensors`);
  const values = Array.isArray(data) ? data.map((bytes) => Buffer.from(bytes).toString()) : data.slice();
  return new ort.Tensor(type, values as never, shape);
}

function fromOrt(name: string, tensor: OrtTensor | undefined): Tensor {
  if (!tensor) throw new Error(`there is no output ${name}`);
  const datatype = datatypeOfOrt(tensor.type);
  if (!datatype) throw new Error(`${name} is ${tensor.type}, which has no datatype`);
  const shape = [...tensor.dims];
  if (datatype === 'BYTES') {
    return { name, datatype, shape, data: (tensor.data as string[]).map((text) => Uint8Array.from(Buffer.from(text))) };
  }
  const { buffer, byteOffset, length } = tensor.data as Uint8Array<ArrayBuffer>;
  return { name, datatype, shape, data: new ARRAY_TYPE[datatype](buffer, byteOffset, length) };
}

/** Without where in its own sources, and where that was built. */
function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/^Can't create a session\. ERROR_CODE: \d+, ERROR_MESSAGE: /, '')
    .replace(/\/\S+\/onnxruntime\/\S+ /, '')
    .replace(/ (node )?with name ''/, '')
    .split('\n', 1)[0] as string;
}
