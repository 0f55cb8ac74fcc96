/** Writes an ONNX file node by node. Field numbers are those of onnx.proto, IR version 8. */
import { type Bytes, bytes, concat, float, integer } from './protobuf.ts';

/** TensorProto.DataType */
const DATA_TYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof DATA_TYPE;

/** AttributeProto.AttributeType */
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;

/** An integer, a list of integers, or `{float}`. */
export type Attribute = number | readonly number[] | { float: number };

type Data = Float32Array | Int8Array | BigInt64Array;

export interface NodeOptions {
  attributes?: Record<string, Attribute>;
  /** The names of the outputs; by default one, made up. */
  outputs?: readonly string[];
}

export class GraphBuilder {
  readonly #name: string;
  readonly #nodes: Bytes[] = [];
  readonly #initializers: Bytes[] = [];
  readonly #inputs: Bytes[] = [];
  readonly #outputs: Bytes[] = [];
  #made = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** @param shape a string names a dynamic axis */
  input(name: string, type: ElementType, shape: readonly (number | string)[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: ElementType, shape: readonly (number | string)[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** A constant tensor; answers its name. Throws when the data does not fill the shape. */
  weight(name: string, shape: readonly number[], data: Data): string {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length) {
      throw new Error(`${name}: expected ${elements} elements for the shape [${shape}], got ${data.length}`);
    }
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const type = data instanceof Float32Array ? 'float32' : data instanceof Int8Array ? 'int8' : 'int64';
    const dims = shape.map((size) => integer(1, size));
    this.#initializers.push(concat([...dims, integer(2, DATA_TYPE[type]), bytes(8, name), bytes(9, raw)]));
    return name;
  }

  /** Integers as a constant: a vector, or a scalar where `shape` is []. */
  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.weight(this.#fresh('constant'), shape, BigInt64Array.from(values, BigInt));
  }

  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.weight(this.#fresh('constant'), shape, Float32Array.from(values));
  }

  /** Adds a node; answers the name of its first output. */
  node(operator: string, inputs: readonly string[], options: NodeOptions = {}): string {
    const outputs = options.outputs ?? [this.#fresh(operator)];
    const attributes = Object.entries(options.attributes ?? {}).map(([name, value]) =>
      bytes(5, attribute(name, value)),
    );
    this.#nodes.push(
      concat([
        ...inputs.map((name) => bytes(1, name)),
        ...outputs.map((name) => bytes(2, name)),
        bytes(3, `node_${outputs[0]}`),
        bytes(4, operator),
        ...attributes,
      ]),
    );
    return outputs[0] as string;
  }

  /** Adds a node of several outputs; answers their names. */
  split(operator: string, inputs: readonly string[], count: number, attributes: Record<string, Attribute>): string[] {
    const outputs = Array.from({ length: count }, () => this.#fresh(operator));
    this.node(operator, inputs, { attributes, outputs });
    return outputs;
  }

  /** The file. */
  build(opset: number, description: string): Uint8Array<ArrayBuffer> {
    const graph = [
      ...this.#nodes.map((node) => bytes(1, node)),
      bytes(2, this.#name),
      ...this.#initializers.map((tensor) => bytes(5, tensor)),
      ...this.#inputs.map((value) => bytes(11, value)),
      ...this.#outputs.map((value) => bytes(12, value)),
    ];
    return concat([
      integer(1, 8),
      bytes(2, 'lepton-edge examples'),
      bytes(6, description),
      bytes(7, graph),
      bytes(8, [bytes(1, ''), integer(2, opset)]),
    ]);
  }

  #fresh(what: string): string {
    this.#made++;
    return `${what.toLowerCase()}_${this.#made}`;
  }
}

function attribute(name: string, value: Attribute): Bytes {
  if (typeof value === 'number') return concat([bytes(1, name), integer(3, value), integer(20, ATTRIBUTE_TYPE.int)]);
  if ('float' in value) return concat([bytes(1, name), float(2, value.float), integer(20, ATTRIBUTE_TYPE.float)]);
  const values = value.map((item) => integer(8, item));
  return concat([bytes(1, name), ...values, integer(20, ATTRIBUTE_TYPE.ints)]);
}

function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]): Bytes {
  const dims = shape.map((size) => bytes(1, typeof size === 'number' ? integer(1, size) : bytes(2, size)));
  const tensorType = bytes(1, [integer(1, DATA_TYPE[type]), bytes(2, dims)]);
  return concat([bytes(1, name), bytes(2, tensorType)]);
}
