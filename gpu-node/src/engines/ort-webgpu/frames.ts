/**
 * Messages between the node and an adapter's process: the length of a head in JSON, the head, then the bytes of its tensors as
 * they lie. Over a pipe this takes less than half the time of structured clones, and each tensor arrives in a buffer of its own.
 */
import type { WireTensor } from '../onnx-runtime/tensors.ts';

type Data = Exclude<WireTensor['data'], string[]>;

interface TensorHead {
  name: string;
  type: WireTensor['type'];
  dims: readonly number[];
  bytes: number;
}

export interface Frame<Message> {
  message: Message;
  tensors: WireTensor[];
}

/** The types that travel, by the array that holds their elements: those of `datatypes.ts`. */
const ARRAY = {
  float32: Float32Array,
  int8: Int8Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint32: Uint32Array,
  bool: Uint8Array,
} satisfies Partial<Record<WireTensor['type'], unknown>>;

/** The file descriptor of the pipe in the adapter's process. */
export const PIPE_FD = 3;

/** The parts of a message, to be written one after the other; the tensors' own memory is among them. */
export function encodeFrame(message: unknown, tensors: readonly WireTensor[] = []): Uint8Array[] {
  const views = tensors.map(({ name, data }) => {
    if (Array.isArray(data)) throw new Error(`tensor ${JSON.stringify(name)}: strings do not travel to an adapter`);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
  const heads = tensors.map(({ name, type, dims }, i): TensorHead => {
    return { name, type, dims, bytes: views[i]?.byteLength ?? 0 };
  });
  const head = new TextEncoder().encode(JSON.stringify({ message, heads }));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, head.byteLength, true);
  return [length, head, ...views.filter((view) => view.byteLength > 0)];
}

/** Reads one message: yields how many bytes it needs next, takes exactly those. */
export function* readFrame<Message>(): Generator<number, Frame<Message>, Uint8Array<ArrayBuffer>> {
  const length = yield 4;
  const head = yield new DataView(length.buffer).getUint32(0, true);
  const { message, heads } = JSON.parse(new TextDecoder().decode(head)) as { message: Message; heads: TensorHead[] };
  const tensors: WireTensor[] = [];
  for (const { name, type, dims, bytes } of heads) tensors.push({ name, type, dims, data: viewOf(type, yield bytes) });
  return { message, tensors };
}

/** Puts messages together from the pieces a stream delivers. */
export class FrameReader<Message> {
  readonly #onFrame: (frame: Frame<Message>) => void;
  #reading = readFrame<Message>();
  #wanted: Uint8Array<ArrayBuffer>;
  #filled = 0;

  constructor(onFrame: (frame: Frame<Message>) => void) {
    this.#onFrame = onFrame;
    this.#wanted = this.#begin();
  }

  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.byteLength) {
      const part = piece.subarray(at, at + this.#wanted.byteLength - this.#filled);
      this.#wanted.set(part, this.#filled);
      this.#filled += part.byteLength;
      at += part.byteLength;
      while (this.#filled === this.#wanted.byteLength) this.#advance();
    }
  }

  #begin(): Uint8Array<ArrayBuffer> {
    this.#reading = readFrame();
    return new Uint8Array(this.#reading.next().value as number);
  }

  #advance(): void {
    const { value, done } = this.#reading.next(this.#wanted);
    this.#filled = 0;
    this.#wanted = done ? this.#begin() : new Uint8Array(value);
    if (done) this.#onFrame(value);
  }
}

function viewOf(type: WireTensor['type'], { buffer }: Uint8Array<ArrayBuffer>): Data {
  const Elements = ARRAY[type as keyof typeof ARRAY];
  if (!Elements) throw new Error(`tensors of ${type} do not travel to an adapter`);
  return new Elements(buffer);
}
