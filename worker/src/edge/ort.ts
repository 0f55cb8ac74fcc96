/**
 * Starts ONNX Runtime inside a Worker.
 *
 * Workers compile WASM only from modules in the bundle, so the runtime's request to instantiate bytes is answered with
 * that module. Its memory is wrapped on the way: a smaller maximum bounds the isolate (a model that needs more fails with
 * an ordinary error), and its size can be read.
 */
import * as ort from 'onnxruntime-web/wasm';
import ortModule from '../../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm';

/** 64 KiB each: 62.5 MiB, of which the runtime itself takes about 16. */
export const MAX_WASM_PAGES = 1_000;

export interface Ort {
  api: typeof ort;
  /** Bytes of WASM memory in use; it grows and never shrinks. */
  heapBytes(): number;
  /** Bytes up to the last one that was ever written since the start or the last `restore`, to 64 KiB. */
  touchedBytes(): number;
  /** The memory as it is now, for `restore`: to be taken while no session is open. */
  snapshot(): Uint8Array;
  /**
   * Makes the runtime as it was when the snapshot was taken, whatever happened to it since: what it knows is all in its
   * memory. Sessions made since must not be touched again, not even released.
   */
  restore(snapshot: Uint8Array): void;
}

const PAGE_BYTES = 65_536;

/** Starts the runtime; once in an isolate. */
export async function startOrt(): Promise<Ort> {
  const placeholder = new Uint8Array(1);
  const { instantiate, Memory } = WebAssembly;
  let memory: WebAssembly.Memory | undefined;
  const answerInstantiate = async (source: BufferSource, imports?: WebAssembly.Imports) =>
    source.byteLength === placeholder.byteLength
      ? { module: ortModule, instance: await instantiate(ortModule, imports) }
      : instantiate(source as unknown as WebAssembly.Module, imports);
  class BoundedMemory extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super({ ...descriptor, maximum: Math.min(descriptor.maximum ?? MAX_WASM_PAGES, MAX_WASM_PAGES) });
      memory = this;
    }
  }
  Object.assign(WebAssembly, { instantiate: answerInstantiate, Memory: BoundedMemory });
  try {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = placeholder;
    ort.env.logLevel = 'error';
    await initialise();
  } finally {
    Object.assign(WebAssembly, { instantiate, Memory });
  }
  const heap = () => new Uint8Array(memory?.buffer ?? new ArrayBuffer(0));
  return {
    api: ort,
    heapBytes: () => heap().byteLength,
    touchedBytes: () => touchedBytes(heap()),
    snapshot: () => heap().slice(0, touchedBytes(heap())),
    restore(snapshot) {
      heap().set(snapshot);
      heap().fill(0, snapshot.byteLength);
    },
  };
}

function touchedBytes(heap: Uint8Array): number {
  const words = new BigUint64Array(heap.buffer);
  let last = words.length - 1;
  while (last >= 0 && words[last] === 0n) last--;
  return Math.ceil(((last + 1) * 8) / PAGE_BYTES) * PAGE_BYTES;
}

/** The runtime starts with its first session and has no other way to be started: give it one that fails. */
async function initialise(): Promise<void> {
  try {
    await ort.InferenceSession.create(new Uint8Array(1), { executionProviders: ['wasm'] });
  } catch (error) {
    if (!/protobuf parsing failed|Failed to load model|No graph was found|ERROR_CODE/i.test(String(error))) throw error;
  }
}
