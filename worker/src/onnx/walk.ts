/**
 * Walks an ONNX file as protobuf and hands over its nodes, tensors and values one by one, without the tensors' payloads.
 *
 * Weights are stepped over, so a file of any size takes one window and one such piece of memory. Everything that a decoder
 * would trust is checked on the way: tags, varints, wire types, lengths against the message around them, and counts.
 */
import type { Details } from './details.ts';
import { type Frame, frameOf, pathOf, pathOfField } from './frame.ts';
import { KeptBytes } from './kept-bytes.ts';
import { type RangeSource, WindowReader } from './reader.ts';
import { refuse } from './refuse.ts';
import { BYTES, FIXED32, FIXED64, type Field, type Message, MODEL, VARINT } from './schema.ts';
import { MAX_RANK } from './tensor-size.ts';

/** As deep as protobuf itself reads messages within messages. */
export const MAX_DEPTH = 100;
/** Bounds the time a file of nothing but tiny fields can take. */
export const MAX_FIELDS = 10_000_000;
const MAX_NAME_BYTES = 16 * 1024;
const MAX_LENGTH = 2 ** 31 - 1;
/** A tag and what follows it, a varint or a length. */
const MAX_HEAD_BYTES = 20;
const MAX_VARINT_BYTES = 10;

const WIRE_NAMES: Record<number, string> = {
  [VARINT]: 'a varint',
  [FIXED64]: 'eight bytes',
  [BYTES]: 'a length with bytes',
  [FIXED32]: 'four bytes',
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Receives the pieces of a model; both are called for units only (see schema), `leave` with their serialised rest. */
export interface Visitor {
  enter(frame: Frame): void;
  /** `bytes` are valid during the call. */
  leave(frame: Frame, bytes: Uint8Array): void;
}

export class Walk {
  readonly kept = new KeptBytes();
  /** The fields of the model itself seen so far, by number. */
  readonly seen: ReadonlyMap<number, number>;
  private readonly root: Frame;
  private readonly reader: WindowReader;
  private readonly visitor: Visitor;
  private fields = 0;

  constructor(file: RangeSource, visitor: Visitor) {
    this.visitor = visitor;
    this.reader = new WindowReader(file);
    this.root = frameOf(MODEL, 0, file.sizeBytes);
    this.seen = this.root.counts;
  }

  /**
   * Walks the whole file. The answer is what is left of the model itself, serialised; the bytes belong to this walk.
   * @throws LeptonError `model_invalid`; errors of the source pass through
   */
  async run(): Promise<Uint8Array> {
    await this.message(this.root);
    return this.kept.since(0);
  }

  private async message(frame: Frame): Promise<void> {
    const { reader } = this;
    while (reader.position < frame.end) {
      const wait = reader.buffer(MAX_HEAD_BYTES);
      if (wait) await wait;
      const start = reader.position;
      const tag = reader.varint(frame.end, () => claimOf(frame, reader.sizeBytes));
      const number = Math.floor(tag / 8);
      if (tag < 8 || tag >= 2 ** 32) {
        refuse(`the file is damaged: byte ${start} in ${pathOf(frame)} begins no field (its tag is ${tag})`);
      }
      this.fields += 1;
      if (this.fields > MAX_FIELDS) {
        refuse(`the file holds more than ${MAX_FIELDS} fields, the most that are inspected`);
      }
      const field = frame.message.fields.get(number);
      const seen = (frame.counts.get(number) ?? 0) + 1;
      if (field) frame.counts.set(number, seen);
      if (field && !field.repeated && seen > 1) refuse(`${pathOfField(frame, field)} is there twice (byte ${start})`);
      if (field?.alternative) noteAlternative(frame, field);
      // Most fields need no waiting, and files have millions of them.
      const rest = this.field({ frame, field, number, start, tag }, tag % 8);
      if (rest) await rest;
    }
    if (frame.tensor) frame.tensor.check(pathOf(frame));
  }

  private field(at: Place, wire: number): Promise<void> | undefined {
    if (at.field && !at.field.wires.includes(wire)) {
      refuse(
        `the file is damaged: ${describe(at)} at byte ${at.start} is ${WIRE_NAMES[wire] ?? `of wire type ${wire}`}, ` +
          `expected ${at.field.wires.map((allowed) => WIRE_NAMES[allowed]).join(' or ')}`,
      );
    }
    if (wire === BYTES) return this.bytes(at);
    if (wire === VARINT) {
      const value = this.reader.varint(at.frame.end, () => describe(at));
      this.number(at, value);
      return undefined;
    }
    if (wire === FIXED32 || wire === FIXED64) {
      this.fixed(at, wire === FIXED32 ? 4 : 8);
      return undefined;
    }
    return refuse(
      `the file is damaged: ${describe(at)} at byte ${at.start} is of wire type ${wire}, which ONNX does not use`,
    );
  }

  private fixed(at: Place, length: number): void {
    const { frame, field } = at;
    this.checkPresent(at, length);
    // Together with its tag it is shorter than what was buffered for the tag.
    const value = this.reader.take(length);
    if (!field) return;
    frame.tensor?.number(field.name, 0);
    if (field.detail) frame.details?.fixed(field, value);
  }

  private number({ frame, field, start }: Place, value: number): void {
    if (!field) return;
    if (field.detail) frame.details?.number(field.name, value);
    if (field.repeated && field.kept) checkRank(frame, field, frame.counts.get(field.number) ?? 1);
    frame.tensor?.number(field.name, value);
    if (frame.kept && field.kept) this.kept.append(this.reader.since(start));
  }

  private bytes(at: Place): Promise<void> | undefined {
    const { frame, field } = at;
    const length = this.reader.varint(frame.end, () => describe(at));
    if (length < 0 || length > MAX_LENGTH) {
      refuse(`the file is damaged: ${describe(at)} at byte ${at.start} claims ${length} bytes`);
    }
    const end = this.reader.position + length;
    if (frame.parent && end > frame.end) {
      refuse(
        `the file is damaged: ${describe(at)} at byte ${at.start} claims ${length} bytes, ` +
          `${frame.end - this.reader.position} are left of ${pathOf(frame)}`,
      );
    }
    if (typeof field?.kind === 'function') return this.nested(at, field, field.kind(), end);
    if (field?.detail && frame.details?.takes(length)) return this.detail(at, field, frame.details, length);
    if (field?.kind === 'string') return this.text(at, length);
    if (field?.kind === 'int' && field.kept) return this.packedDims(at, field, length);
    if (field) checkPacked(at, field, length);
    this.skip(at, length);
    if (field) frame.tensor?.bytes(field.name, length);
    return undefined;
  }

  private async nested({ frame, tag }: Place, field: Field, message: Message, end: number): Promise<void> {
    const child = frameOf(message, this.reader.position, end, frame, field);
    if (child.depth > MAX_DEPTH) refuse(`the file is nested deeper than ${MAX_DEPTH} messages, which no runtime reads`);
    if (!child.kept) return this.message(child);
    const { kept, visitor } = this;
    const before = kept.length;
    if (message.unit) {
      visitor.enter(child);
      await this.message(child);
      visitor.leave(child, kept.since(before));
      kept.rollback(before);
      return;
    }
    kept.varint(tag);
    const body = kept.open();
    await this.message(child);
    kept.close(body);
  }

  private text(at: Place, length: number): Promise<void> | undefined {
    if (!(at.frame.kept && at.field?.kept)) {
      this.skip(at, length);
      return undefined;
    }
    if (length > MAX_NAME_BYTES) {
      refuse(`${describe(at)} is ${length} bytes long, a name of at most ${MAX_NAME_BYTES} was expected`);
    }
    return this.whenPresent(at, length, () => {
      const value = this.reader.take(length);
      try {
        utf8.decode(value);
      } catch {
        refuse(`${describe(at)} at byte ${at.start} is no valid UTF-8`);
      }
      this.keep(at, value);
    });
  }

  private detail(at: Place, field: Field, details: Details, length: number): Promise<void> | undefined {
    checkPacked(at, field, length);
    at.frame.tensor?.bytes(field.name, length);
    return this.whenPresent(at, length, () => details.bytes(field, this.reader.take(length)));
  }

  private packedDims(at: Place, field: Field, length: number): Promise<void> | undefined {
    const { frame } = at;
    checkRank(frame, field, Math.ceil(length / MAX_VARINT_BYTES));
    return this.whenPresent(at, length, () => {
      const start = this.reader.position;
      const end = start + length;
      for (let rank = 1; this.reader.position < end; rank += 1) {
        checkRank(frame, field, rank);
        const value = this.reader.varint(end, () => describe(at));
        frame.tensor?.number(field.name, value);
      }
      if (frame.kept) this.keep(at, this.reader.since(start));
    });
  }

  /** Keeps a field of bytes as it stands in the file. */
  private keep({ tag }: Place, value: Uint8Array): void {
    this.kept.varint(tag);
    this.kept.varint(value.length);
    this.kept.append(value);
  }

  /** Calls `read` once the next `length` bytes are readable, at once where they are. */
  private whenPresent(at: Place, length: number, read: () => void): Promise<void> | undefined {
    this.checkPresent(at, length);
    const wait = this.reader.buffer(length);
    if (wait) return wait.then(read);
    read();
    return undefined;
  }

  private skip(at: Place, length: number): void {
    this.checkPresent(at, length);
    this.reader.position += length;
  }

  private checkPresent(at: Place, length: number): void {
    const { position, sizeBytes } = this.reader;
    if (position + length > at.frame.end && at.frame.parent) {
      refuse(`the file is damaged: ${describe(at)} at byte ${at.start} runs past the end of ${pathOf(at.frame)}`);
    }
    if (position + length <= sizeBytes) return;
    refuse(
      `the file is cut off: it ends at byte ${sizeBytes} inside ${describe(at)}, which claims ${length} bytes, ` +
        `${sizeBytes - position} are left`,
    );
  }
}

/** A field that is being read. */
interface Place {
  frame: Frame;
  /** Undefined for a number the schema does not know; such a field is stepped over. */
  field: Field | undefined;
  number: number;
  /** Where its tag begins. */
  start: number;
  tag: number;
}

function describe({ frame, field, number }: Place): string {
  return field ? pathOfField(frame, field) : `the unknown field ${number} of ${pathOf(frame)}`;
}

function claimOf(frame: Frame, sizeBytes: number): string {
  if (!frame.parent) return pathOf(frame);
  return `${pathOf(frame)}, which claims ${frame.end - frame.start} bytes, ${sizeBytes - frame.start} are left`;
}

function noteAlternative(frame: Frame, field: Field): void {
  if (frame.alternative !== undefined) {
    refuse(`${pathOf(frame)} is both ${frame.alternative} and ${field.name}, expected one of them`);
  }
  frame.alternative = field.name;
}

function checkPacked(at: Place, { kind }: Field, length: number): void {
  const size = kind === 'float' ? 4 : kind === 'double' ? 8 : 1;
  if (length % size !== 0) {
    refuse(`the file is damaged: ${describe(at)} at byte ${at.start} claims ${length} bytes, no multiple of ${size}`);
  }
}

function checkRank(frame: Frame, field: Field, rank: number): void {
  if (rank > MAX_RANK) refuse(`${pathOf(frame)} has more than ${MAX_RANK} ${field.name}`);
}
