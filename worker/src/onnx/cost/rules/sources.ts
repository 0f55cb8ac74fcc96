/** Operators that make tensors from attributes and values: Constant, ConstantOfShape, Range, random numbers, windows. */

import type { TensorFacts } from '../../model.ts';
import type { Rule } from '../call.ts';
import {
  bounded,
  exact,
  FLOAT,
  INT64,
  MAX_VALUES,
  scalar,
  shaped,
  type Tensor,
  times,
  unbounded,
  type Value,
} from '../tensor.ts';
import { isInteger, rounded } from '../values.ts';
import { like } from './elementwise.ts';
import { COSTLY, DEAR, MODERATE, mover, type Table } from './table.ts';

/** A tensor that stands in the file. */
export function fromFile({ type, dims, values }: TensorFacts): Tensor {
  return { ...shaped(type, dims, values), constant: true };
}

const VALUES = ['value', 'value_int', 'value_ints', 'value_float', 'value_floats', 'value_string', 'value_strings'];

const constant: Rule = (call) => {
  if (VALUES.filter((name) => call.names(name)).length !== 1) unbounded('it holds no value, or several');
  const tensor = call.tensor('value');
  if (tensor) return [fromFile(tensor)];
  if (call.names('value_int')) return [scalar(INT64, call.int('value_int'))];
  if (call.names('value_float')) return [scalar(FLOAT, call.float('value_float', 0))];
  const ints = call.ints('value_ints');
  if (ints) return [shaped(INT64, [ints.length], ints)];
  const floats = call.floats('value_floats');
  if (floats) return [shaped(FLOAT, [floats.length], floats)];
  return unbounded('it holds no plain tensor');
};

const constantOfShape: Rule = (call) => {
  const value = call.tensor('value');
  const shape = call.shapeOfRank(0, 1)[0] === 0 ? [] : call.integers(0);
  const out = shaped(value?.type ?? FLOAT, shape);
  const fill: Value = value ? value.values?.[0] : 0;
  if (out.most > MAX_VALUES) return [out];
  return [
    shaped(
      out.type,
      shape,
      Array.from({ length: times(...shape) }, () => fill),
    ),
  ];
};

/** As ONNX Runtime counts: max(ceil((limit - start) / delta), 0), the difference in the type of the tensors. */
const range: Rule = (call) => {
  const { type } = call.input(0);
  const [start, limit, delta] = [call.value(0), call.value(1), call.value(2)];
  const span = rounded(type, limit - start);
  if (span === undefined || delta === 0) return unbounded(`it counts from ${start} to ${limit} in steps of ${delta}`);
  const steps = span / delta;
  // Next to an integer, the last bit of a float would decide about one more.
  if (!isInteger(type) && !Number.isInteger(steps) && Math.abs(steps - Math.round(steps)) < 1e-4) {
    return unbounded(`it counts from ${start} to ${limit} in steps of ${delta}, which is ${steps}`);
  }
  const count = exact(Math.max(0, Math.ceil(steps)));
  const told = isInteger(type) && count <= MAX_VALUES;
  return [shaped(type, [count], told ? Array.from({ length: count }, (_, index) => start + index * delta) : undefined)];
};

const eyeLike: Rule = (call) => [shaped(call.int('dtype', call.input(0).type), call.shapeOfRank(0, 2))];

const oneHot: Rule = (call) => {
  const depth = call.value(1);
  const { type } = call.input(2);
  const indices = call.input(0);
  if (!indices.shape) return [bounded(type, times(indices.most, Math.max(1, depth)))];
  const rank = indices.shape.length + 1;
  const given = call.int('axis', -1);
  const axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) unbounded(`its axis is ${given}`);
  return [shaped(type, [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)])];
};

const random: Rule = (call) => [shaped(call.int('dtype', FLOAT), call.ints('shape') ?? unbounded('it has no shape'))];
const randomLike: Rule = (call) => [like(call.input(0), call.int('dtype', call.input(0).type))];

const window: Rule = (call) => [shaped(call.int('output_datatype', FLOAT), [call.value(0)])];

const melWeights: Rule = (call) => {
  const bins = Math.floor(call.value(1) / 2) + 1;
  return [shaped(call.int('output_datatype', FLOAT), [bins, call.value(0)])];
};

export const SOURCES: Table = {
  Constant: mover(constant),
  ConstantOfShape: mover(constantOfShape),
  Range: mover(range),
  EyeLike: mover(eyeLike, MODERATE),
  OneHot: mover(oneHot),
  RandomNormal: mover(random, DEAR),
  RandomUniform: mover(random, COSTLY),
  RandomNormalLike: mover(randomLike, DEAR),
  RandomUniformLike: mover(randomLike, COSTLY),
  HannWindow: mover(window, DEAR),
  HammingWindow: mover(window, DEAR),
  BlackmanWindow: mover(window, DEAR),
  MelWeightMatrix: mover(melWeights, COSTLY),
};
