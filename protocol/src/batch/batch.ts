/** A batch: members that fit together, put into one run, and its outputs given back to each. Pure. */
import { ARRAY_TYPE, type Datatype } from '../tensor/datatype.ts';
import { toHalf } from '../tensor/half.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { slice, stack } from '../trial/batch.ts';
import { type Member, ownLength } from './batch-member.ts';
import type { BatchPlan } from './batch-plan.ts';

/** Of all inputs together: a batch takes memory for what is filled up, too. */
const MAX_ELEMENTS = 4 * 1024 * 1024;
/** Filled up, a batch is at most so many times what it was. */
const MAX_GROWTH = 1.5;

/** Members are added while they fit. */
export class Batch {
  readonly plan: BatchPlan;
  readonly members: Member[] = [];
  items = 0;
  /** Elements as they came. */
  #elements = 0;
  /** By input: the longest so far, and the elements of all items for each unit of that length. */
  #lengths: number[];
  #units: number[];

  constructor(plan: BatchPlan, first: Member) {
    this.plan = plan;
    this.#lengths = first.inputs.map(() => 0);
    this.#units = first.inputs.map(() => 0);
    this.#take(first);
  }

  get full(): boolean {
    return this.items >= this.plan.maxItems;
  }

  /** @returns false where the member does not fit; nothing has changed then */
  add(member: Member): boolean {
    const [first] = this.members;
    if (!first || member.key !== first.key || member.padded !== first.padded) return false;
    if (this.items + member.items > this.plan.maxItems || !this.#isWithinBounds(member)) return false;
    for (const [i, input] of member.inputs.entries()) {
      if (!this.plan.axes.has(input.name) && !sameBits(input, first.inputs[i] as Tensor)) return false;
    }
    this.#take(member);
    return true;
  }

  #take(member: Member): void {
    this.members.push(member);
    this.items += member.items;
    for (const [i, input] of member.inputs.entries()) {
      const length = this.#lengthOf(member, input);
      this.#elements += input.data.length;
      this.#lengths[i] = Math.max(this.#lengths[i] as number, length);
      (this.#units[i] as number) += length === 0 ? 0 : input.data.length / length;
    }
  }

  #isWithinBounds(member: Member): boolean {
    let elements = this.#elements;
    let filled = 0;
    for (const [i, input] of member.inputs.entries()) {
      const length = this.#lengthOf(member, input);
      const units = (this.#units[i] as number) + (length === 0 ? 0 : input.data.length / length);
      elements += input.data.length;
      filled += Math.max(this.#lengths[i] as number, length) * units;
    }
    return filled <= MAX_ELEMENTS && filled <= elements * MAX_GROWTH;
  }

  #lengthOf({ padded }: Member, input: Tensor): number {
    const padding = padded ? this.plan.pad.get(input.name) : undefined;
    return padding ? (input.shape[padding.axis] as number) : 1;
  }

  /** The inputs of the run, none of which shares memory with a member's: those can still be run alone. */
  inputs(): Tensor[] {
    const [first] = this.members as [Member, ...Member[]];
    return first.inputs.map((input, i) => {
      const axis = this.plan.axes.get(input.name);
      if (axis === undefined) return { ...input, data: input.data.slice() };
      const padding = first.padded ? this.plan.pad.get(input.name) : undefined;
      const tensors = this.members.map((member) => member.inputs[i] as Tensor);
      if (!padding) return stack(tensors, axis);
      const filled = tensors.map((tensor) => fillUp(tensor, padding.axis, this.#lengths[i] as number, padding.value));
      return stack(filled, axis);
    });
  }

  /** Every output that a member wants. */
  outputs(): string[] {
    return [...new Set(this.members.flatMap(({ outputs }) => outputs))];
  }

  /**
   * @param outputs of the run
   * @returns of each member the outputs it wants, in its order, as views where that is possible; undefined where the outputs do
   * not have the sizes that a batch must have
   */
  split(outputs: readonly Tensor[]): Tensor[][] | undefined {
    const byName = new Map(outputs.map((output) => [output.name, output]));
    const longest = Math.max(...this.members.map(({ inputs }) => ownLength(this.plan, inputs) ?? 0));
    for (const output of outputs) {
      if (output.shape[this.plan.axes.get(output.name) as number] !== this.items) return undefined;
      const cut = this.#cutAxis(output);
      if (cut !== undefined && output.shape[cut] !== longest) return undefined;
    }
    let from = 0;
    return this.members.map((member) => {
      const own = member.outputs.map((name) => this.#part(byName.get(name) as Tensor, member, from));
      from += member.items;
      return own;
    });
  }

  #part(output: Tensor, member: Member, from: number): Tensor {
    const own = part(output, this.plan.axes.get(output.name) as number, from, member.items);
    const cut = this.#cutAxis(output);
    const length = cut === undefined ? undefined : ownLength(this.plan, member.inputs);
    return cut === undefined || length === undefined || length === own.shape[cut] ? own : slice(own, cut, 0, length);
  }

  #cutAxis({ name }: Tensor): number | undefined {
    return this.members[0]?.padded ? this.plan.pad.get(name)?.axis : undefined;
  }
}

/** Items of a tensor, as a view where they lie together. */
function part(tensor: Tensor, axis: number, from: number, count: number): Tensor {
  for (let outer = 0; outer < axis; outer++) if (tensor.shape[outer] !== 1) return slice(tensor, axis, from, count);
  const { name, datatype, shape, data } = tensor;
  const size = data.length / (shape[axis] as number);
  const own = Array.isArray(data)
    ? data.slice(from * size, (from + count) * size)
    : data.subarray(from * size, (from + count) * size);
  return { name, datatype, shape: shape.with(axis, count), data: own };
}

/** A copy with an axis as long as wanted, what is new holding `value`. */
function fillUp(tensor: Tensor, axis: number, length: number, value: number): Tensor {
  const { name, datatype, shape, data } = tensor;
  const size = shape[axis] as number;
  if (size === length || Array.isArray(data)) return tensor;
  const inner = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
  const outer = shape.slice(0, axis).reduce((product, each) => product * each, 1);
  const out = filledArray(datatype as Exclude<Datatype, 'BYTES'>, outer * length * inner, value);
  for (let row = 0; row < outer; row++) {
    const from = data.subarray(row * size * inner, (row + 1) * size * inner);
    (out as Float32Array).set(from as Float32Array, row * length * inner);
  }
  return { name, datatype, shape: shape.with(axis, length), data: out };
}

function filledArray(datatype: Exclude<Datatype, 'BYTES'>, length: number, value: number) {
  const array = new ARRAY_TYPE[datatype](length);
  if (array instanceof BigInt64Array || array instanceof BigUint64Array) return array.fill(BigInt(Math.trunc(value)));
  return array.fill(datatype === 'FP16' ? toHalf(value) : value);
}

function sameBits(a: Tensor, b: Tensor): boolean {
  if (Array.isArray(a.data) || Array.isArray(b.data)) {
    const [left, right] = [a.data, b.data] as [Uint8Array[], Uint8Array[]];
    return left.length === right.length && left.every((each, i) => sameBytes(each, right[i] as Uint8Array));
  }
  return sameBytes(bytesOf(a.data), bytesOf(b.data));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}
