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
  /** The runtime as it is now, for `restore`: to be taken while no session is open. */
  snapshot(): Snapshot;
  /**
   * Makes the runtime as it was when the snapshot was taken, whatever happened to it since, traps included. Sessions made
   * since must not be touched again, not even released.
   */
  restore(snapshot: Snapshot): void;
}

/**
 * All that ONNX Runtime knows: its memory, and of its globals the only one that changes after the start. A trap leaves
 * the stack pointer where it was.
 */
export interface Snapshot {
  memory: Uint8Array;
  stackPointer: number;
}

const PAGE_BYTES = 65_536;
const STACK_ALIGNMENT = 16;

/** Whether an error stopped the runtime in the middle of a step. Recursion without end is a RangeError, in WASM as in JavaScript. */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError || String(error).includes('Aborted(');
}

/** Starts the runtime; once in an isolate. */
export async function startOrt(): Promise<Ort> {
  const placeholder = new Uint8Array(1);
  const { instantiate, Memory } = WebAssembly;
  let memory: WebAssembly.Memory | undefined;
  let instance: WebAssembly.Instance | undefined;
  const answerInstantiate = async (source: BufferSource, imports?: WebAssembly.Imports) => {
    if (source.byteLength !== placeholder.byteLength) {
      return instantiate(source as unknown as WebAssembly.Module, imports);
    }
    instance = await instantiate(ortModule, imports);
    return { module: ortModule, instance };
  };
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
    snapshot: () => ({
      memory: heap().slice(0, touchedBytes(heap())),
      stackPointer: stackOf(instance).get(),
    }),
    restore({ memory: bytes, stackPointer }) {
      heap().set(bytes);
      heap().fill(0, bytes.byteLength);
      stackOf(instance).set(stackPointer);
    },
  };
}

/**
 * Emscripten's `emscripten_stack_get_current` and `_emscripten_stack_restore`, as they are called in this build.
 * @throws Error when they are called otherwise, in another version of ONNX Runtime (`dist/ort-wasm-simd-threaded.mjs`)
 */
function stackOf(instance: WebAssembly.Instance | undefined) {
  const { Lb: get, Jb: set } = (instance?.exports ?? {}) as { Lb?: () => unknown; Jb?: (pointer: number) => void };
  const now = get?.();
  if (typeof now !== 'number' || now <= 0 || !set) throw new Error('ONNX Runtime does not tell its stack pointer');
  set(now - STACK_ALIGNMENT);
  const moved = get?.();
  set(now);
  if (moved !== now - STACK_ALIGNMENT) throw new Error('ONNX Runtime does not have its stack pointer set');
  return { get: () => now, set };
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
