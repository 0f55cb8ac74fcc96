/**
 * Walks an ONNX file as protobuf and keeps what the inspection reads: the graph without the tensors' payloads.
 *
 * Weights are stepped over, so a file of any size takes one window and the kept bytes of memory. Everything that a decoder
 * would trust is checked on the way: tags, varints, wire types, lengths against the message around them, and counts.
 */
import { type Frame, frameOf, pathOf, pathOfField } from './frame.ts';
import { KeptBytes } from './kept-bytes.ts';
import { type RangeSource, WindowReader } from './reader.ts';
import { refuse } from './refuse.ts';
import { type Field, type Message, MODEL } from './schema.ts';
import { MAX_RANK } from './tensor-size.ts';

/** As deep as protobuf itself reads messages within messages. */
export const MAX_DEPTH = 100;
export const MAX_NODES = 100_000;
/** Decoded, a message takes about 200 bytes at least. */
export const MAX_KEPT_MESSAGES = 300_000;
/** Bounds the time a file of nothing but tiny fields can take. */
const MAX_FIELDS = 5_000_000;
export const MAX_NAME_BYTES = 16 * 1024;
const MAX_LENGTH = 2 ** 31 - 1;
/** A tag and what follows it, a varint or a length. */
const MAX_HEAD_BYTES = 20;
const MAX_VARINT_BYTES = 10;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const WIRE_NAMES: Record<number, string> = {
  [VARINT]: 'a varint',
  [FIXED64]: 'eight bytes',
  [BYTES]: 'a length with bytes',
  [FIXED32]: 'four bytes',
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Walk {
  readonly kept = new KeptBytes();
  /** The fields of the model itself seen so far, by number. */
  readonly seen: ReadonlyMap<number, number>;
  private readonly root: Frame;
  private readonly reader: WindowReader;
  private fields = 0;
  private keptMessages = 0;
  private nodes = 0;

  constructor(file: RangeSource) {
    this.reader = new WindowReader(file);
    this.root = frameOf(MODEL, 0, file.sizeBytes);
    this.seen = this.root.counts;
  }

  /**
   * The model without payloads, serialised; the bytes belong to this walk.
   * @throws LeptonError `model_invalid`; errors of the source pass through
   */
  async run(): Promise<Uint8Array> {
    await this.message(this.root);
    return this.kept.result();
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
      if (this.fields > MAX_FIELDS)
        refuse(`the file holds more than ${MAX_FIELDS} fields, the most that are inspected`);
      const field = frame.message.fields.get(number);
      const seen = (frame.counts.get(number) ?? 0) + 1;
      if (field) frame.counts.set(number, seen);
      if (field && !field.repeated && seen > 1) refuse(`${pathOfField(frame, field)} is there twice (byte ${start})`);
      if (field?.alternative) noteAlternative(frame, field);
      await this.field({ frame, field, number, start, tag }, tag % 8);
    }
    if (frame.tensor) frame.tensor.check(pathOf(frame));
  }

  private async field(at: Place, wire: number): Promise<void> {
    if (at.field && !allowedWires(at.field).includes(wire)) {
      refuse(
        `the file is damaged: ${describe(at)} at byte ${at.start} is ${WIRE_NAMES[wire] ?? `of wire type ${wire}`}, ` +
          `expected ${allowedWires(at.field)
            .map((allowed) => WIRE_NAMES[allowed])
            .join(' or ')}`,
      );
    }
    if (wire === BYTES) return this.bytes(at);
    if (wire === VARINT)
      return this.number(
        at,
        this.reader.varint(at.frame.end, () => describe(at)),
      );
    if (wire === FIXED32 || wire === FIXED64) {
      this.skip(at, wire === FIXED32 ? 4 : 8);
      if (at.field) at.frame.tensor?.number(at.field.name, 0);
      return;
    }
    refuse(`the file is damaged: ${describe(at)} at byte ${at.start} is of wire type ${wire}, which ONNX does not use`);
  }

  private number({ frame, field, start }: Place, value: number): void {
    if (!field) return;
    if (field.repeated && field.kept) checkRank(frame, field, frame.counts.get(field.number) ?? 1);
    frame.tensor?.number(field.name, value);
    if (frame.kept && field.kept) this.kept.append(this.reader.since(start));
  }

  private async bytes(at: Place): Promise<void> {
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
    if (field?.kind === 'string') return this.text(at, length);
    if (field?.kind === 'int' && field.kept) return this.packedDims(at, field, length);
    if (field) checkPacked(at, field, length);
    this.skip(at, length);
    if (field) frame.tensor?.bytes(field.name, length);
  }

  private async nested({ frame, tag }: Place, field: Field, message: Message, end: number): Promise<void> {
    const child = frameOf(message, this.reader.position, end, frame, field);
    this.count(child);
    const before = this.kept.length;
    const messagesBefore = this.keptMessages;
    let body = 0;
    if (child.kept) {
      this.keptMessages += 1;
      if (this.keptMessages > MAX_KEPT_MESSAGES) {
        refuse(
          `the model has more than ${MAX_KEPT_MESSAGES} nodes, tensors and attributes, the most that are inspected`,
        );
      }
      this.kept.varint(tag);
      body = this.kept.open();
    }
    await this.message(child);
    if (!child.kept) return;
    if (field.onlyWithMessages && !child.keptMessage) {
      this.kept.rollback(before);
      this.keptMessages = messagesBefore;
      return;
    }
    this.kept.close(body);
    frame.keptMessage = true;
  }

  private count(child: Frame): void {
    if (child.depth > MAX_DEPTH) {
      refuse(`the file is nested deeper than ${MAX_DEPTH} messages, which no runtime reads`);
    }
    if (child.message.name === 'NodeProto') this.nodes += 1;
    if (this.nodes > MAX_NODES) refuse(`the model has more than ${MAX_NODES} nodes, the most that are inspected`);
  }

  private async text(at: Place, length: number): Promise<void> {
    const { frame, field } = at;
    if (!(frame.kept && field?.kept)) return this.skip(at, length);
    if (length > MAX_NAME_BYTES) {
      refuse(`${describe(at)} is ${length} bytes long, a name of at most ${MAX_NAME_BYTES} was expected`);
    }
    this.checkPresent(at, length);
    await this.reader.buffer(length);
    const value = this.reader.take(length);
    try {
      utf8.decode(value);
    } catch {
      refuse(`${describe(at)} at byte ${at.start} is no valid UTF-8`);
    }
    this.kept.varint(at.tag);
    this.kept.varint(length);
    this.kept.append(value);
  }

  private async packedDims(at: Place, field: Field, length: number): Promise<void> {
    const { frame } = at;
    checkRank(frame, field, Math.ceil(length / MAX_VARINT_BYTES));
    this.checkPresent(at, length);
    await this.reader.buffer(length);
    const start = this.reader.position;
    const end = start + length;
    for (let rank = 1; this.reader.position < end; rank += 1) {
      checkRank(frame, field, rank);
      const dim = this.reader.varint(end, () => describe(at));
      frame.tensor?.number(field.name, dim);
    }
    if (!frame.kept) return;
    this.kept.varint(at.tag);
    this.kept.varint(length);
    this.kept.append(this.reader.since(start));
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

/** Repeated numbers may be packed or stand one by one. */
function allowedWires({ kind, repeated }: Field): number[] {
  if (kind === 'int') return repeated ? [VARINT, BYTES] : [VARINT];
  if (kind === 'float') return repeated ? [FIXED32, BYTES] : [FIXED32];
  if (kind === 'double') return repeated ? [FIXED64, BYTES] : [FIXED64];
  return [BYTES];
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
