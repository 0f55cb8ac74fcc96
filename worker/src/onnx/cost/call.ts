/** One node as its rule sees it: inputs, attributes, and where it notes what running it takes. */
import type { Attribute, TensorFacts } from '../model.ts';
import { quote } from '../refuse.ts';
import { exact, plus, type Tensor, times, unbounded } from './tensor.ts';

/** AttributeProto.AttributeType. */
const TYPE = { float: 1, int: 2, text: 3, tensor: 4, graph: 5, floats: 6, ints: 7 } as const;

/** From a node's inputs to its outputs; what it takes beyond its elements it notes with `macs`, `work` and `scratch`. */
export type Rule = (call: Call) => Tensor[];

export class Call {
  /** Of the operator's domain. */
  readonly opset: number;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputCount: number;
  /** Multiply-adds or as much, beyond one for each element that it touches. */
  steps = 0;
  /** Bytes of the largest buffer that it needs beside its inputs and outputs. */
  scratchBytes = 0;
  private readonly attributes: ReadonlyMap<string, Attribute>;

  constructor(
    opset: number,
    inputs: readonly (Tensor | undefined)[],
    attributes: ReadonlyMap<string, Attribute>,
    outputCount: number,
  ) {
    this.opset = opset;
    this.inputs = inputs;
    this.attributes = attributes;
    this.outputCount = outputCount;
  }

  /** Notes `factors` multiplied, as so many multiply-adds. */
  macs(...factors: readonly number[]): void {
    this.steps = plus(this.steps, times(...factors));
  }

  scratch(...factors: readonly number[]): void {
    this.scratchBytes = Math.max(this.scratchBytes, times(...factors));
  }

  has(index: number): boolean {
    return this.inputs[index] !== undefined;
  }

  input(index: number): Tensor {
    return this.inputs[index] ?? unbounded(`its input ${index} is missing`);
  }

  /** All inputs, of which none may be left out. */
  all(): Tensor[] {
    return this.inputs.map((_, index) => this.input(index));
  }

  /** The exact shape of an input. */
  shape(index: number): readonly number[] {
    return this.input(index).shape ?? unbounded(`the shape of its input ${index} depends on data`);
  }

  /** As `shape`, of that rank. */
  shapeOfRank(index: number, rank: number): readonly number[] {
    const shape = this.shape(index);
    if (shape.length !== rank) unbounded(`its input ${index} is of rank ${shape.length}, expected ${rank}`);
    return shape;
  }

  /** The values of an input, each of them known. */
  values(index: number): readonly number[] {
    const values = this.input(index).values ?? unbounded(`the values of its input ${index} are not known`);
    return values.map((value) => value ?? unbounded(`the values of its input ${index} are not known`));
  }

  /** The only value of an input. */
  value(index: number): number {
    const [value, ...more] = this.values(index);
    if (value === undefined || more.length > 0) unbounded(`its input ${index} is not one value`);
    return value;
  }

  integers(index: number): readonly number[] {
    const values = this.values(index);
    if (!values.every(Number.isInteger)) unbounded(`its input ${index} holds ${values.join(', ')}, expected integers`);
    return values;
  }

  int(name: string, otherwise?: number): number {
    const found = this.attribute(name, TYPE.int);
    const value = found ? (found.int ?? 0) : otherwise;
    return exact(value ?? unbounded(`it has no ${name}`));
  }

  float(name: string, otherwise: number): number {
    const found = this.attribute(name, TYPE.float);
    return found ? (found.float ?? 0) : otherwise;
  }

  ints(name: string): readonly number[] | undefined {
    const found = this.attribute(name, TYPE.ints);
    return found && (found.ints ?? []);
  }

  floats(name: string): readonly number[] | undefined {
    const found = this.attribute(name, TYPE.floats);
    return found && (found.floats ?? []);
  }

  text(name: string, otherwise: string): string {
    const found = this.attribute(name, TYPE.text);
    return found ? (found.text ?? '') : otherwise;
  }

  tensor(name: string): TensorFacts | undefined {
    const found = this.attribute(name, TYPE.tensor);
    return found && (found.tensor ?? unbounded(`its ${name} was not kept`));
  }

  /** Whether it has an attribute of this name, of whatever type. */
  names(name: string): boolean {
    return this.attributes.has(name);
  }

  /** Integers that are an attribute before opset `since`, and input `index` from then on. */
  moved(name: string, index: number, since: number): readonly number[] | undefined {
    if (this.opset < since) {
      if (this.has(index)) unbounded(`its ${name} is an attribute before opset ${since}`);
      return this.ints(name);
    }
    if (this.names(name)) unbounded(`its ${name} is an input since opset ${since}`);
    return this.has(index) ? this.integers(index) : undefined;
  }

  private attribute(name: string, type: number): Attribute | undefined {
    const found = this.attributes.get(name);
    if (!found) return undefined;
    if (found.truncated) unbounded(`its attribute ${quote(name)} is longer than is kept`);
    if (found.type !== type) unbounded(`its attribute ${quote(name)} is of type ${found.type}, expected ${type}`);
    return found;
  }
}
