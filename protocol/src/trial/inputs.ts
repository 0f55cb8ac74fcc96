/** Inputs to try a model with that nobody has described: plausible shapes, and values that repeat. */
import { ARRAY_TYPE, type FixedDatatype } from '../tensor/datatype.ts';
import { elementCount, type Tensor } from '../tensor/tensor.ts';
import type { Manifest, TensorSpec } from '../versions.ts';

type Shapes = Record<string, number[]>;
type Tried = Pick<Manifest, 'inputs' | 'trial'>;

/** Sizes tried for dynamic axes: short sequences, small images, one element, images as networks usually take them. */
const SIZES = [16, 64, 1, 224];
/** Inputs above this together are not generated: they must fit into the Worker, up to eight times for a batch. */
export const MAX_ELEMENTS = 1024 * 1024;

/** The shapes to try at batch 1, the likeliest first; those the manifest states are the only ones of their inputs. */
export function trialShapes({ inputs, trial }: Tried): Shapes[] {
  const seen = new Set<string>();
  return SIZES.flatMap((size) => {
    const shapes = Object.fromEntries(
      inputs.map((spec) => [spec.name, trial?.inputs[spec.name]?.shape ?? shapeAt(spec, size)]),
    );
    const key = JSON.stringify(shapes);
    const tooLarge = inputs.reduce((sum, { name }) => sum + elementCount(shapes[name] ?? [], name), 0) > MAX_ELEMENTS;
    if (seen.has(key) || tooLarge) return [];
    seen.add(key);
    return [shapes];
  });
}

/** A dynamic first axis counts items; channels are the small axis of an image, 3 where they are dynamic. */
function shapeAt({ shape }: TensorSpec, size: number): number[] {
  return shape.map((known, axis) => {
    if (known !== -1) return known;
    if (axis === 0) return 1;
    return shape.length === 4 && axis === 1 ? 3 : size;
  });
}

/**
 * The inputs at these shapes, the same for the same seed. Floats lie in [0, 1); integers are 0 or 1, so that they are
 * valid as tokens and masks; strings are short words.
 */
export function generateInputs({ inputs, trial }: Tried, shapes: Shapes, seed: number): Tensor[] {
  return inputs.map((spec, i) => {
    const shape = shapes[spec.name] ?? [];
    const values = trial?.inputs[spec.name]?.values;
    const next = values === undefined ? noise(seed * 1009 + i) : stated(values);
    return { name: spec.name, datatype: spec.datatype, shape, data: fill(spec, elementCount(shape, spec.name), next) };
  });
}

function fill({ datatype }: TensorSpec, count: number, next: () => number): Tensor['data'] {
  if (datatype === 'BYTES') {
    const encoder = new TextEncoder();
    return Array.from({ length: count }, () => encoder.encode(`word${Math.floor(next() * 100)}`));
  }
  const data = new ARRAY_TYPE[datatype as FixedDatatype](count);
  for (let i = 0; i < count; i++) data[i] = toElement(datatype, next()) as never;
  return data;
}

function toElement(datatype: string, value: number): number | bigint {
  switch (datatype) {
    case 'FP32':
    case 'FP64':
      return value;
    case 'FP16':
    case 'BF16':
      // The bits of 0 and 1 there; nothing between is needed.
      return value < 0.5 ? 0 : datatype === 'FP16' ? 0x3c00 : 0x3f80;
    case 'INT64':
    case 'UINT64':
      return BigInt(Math.round(value));
    default:
      return Math.round(value);
  }
}

function stated(values: number | readonly number[]): () => number {
  if (typeof values === 'number') return () => values;
  let i = 0;
  return () => values[i++ % Math.max(1, values.length)] ?? 0;
}

/** Numbers in [0, 1) (mulberry32, Tommy Ettinger, public domain). */
function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
