/** Operators that change between floats and small integers, and those that work on the latter. */
import type { Rule } from '../call.ts';
import { axisOf, broadcastOf, FLOAT, plus, scalar, shaped, UINT8, unbounded } from '../tensor.ts';
import { like } from './elementwise.ts';
import { COSTLY, MODERATE, op, type Table } from './table.ts';

const quantize: Rule = (call) => {
  const type = call.inputs[2]?.type ?? (call.int('output_dtype', 0) || UINT8);
  return [like(call.input(0), type)];
};

const dequantize: Rule = (call) => [like(call.input(0), call.input(1).type)];

const dynamicQuantize: Rule = (call) => [like(call.input(0), UINT8), scalar(FLOAT), scalar(UINT8)];

/** Each tensor comes with its scale and its zero point. */
const binary: Rule = (call) => [broadcastOf(call.input(0).type, [call.input(0), call.input(3)])];
const unary: Rule = (call) => [like(call.input(0), call.input(0).type)];

/** Scale and zero point of the output, then each tensor with its own. */
const concat: Rule = (call) => {
  const count = (call.inputs.length - 2) / 3;
  if (!Number.isInteger(count) || count < 1) unbounded(`it has ${call.inputs.length} inputs`);
  const shapes = Array.from({ length: count }, (_, index) => call.shape(2 + 3 * index));
  const first = shapes[0] ?? [];
  const axis = axisOf(call.int('axis'), first.length);
  const fits = (shape: readonly number[]) =>
    shape.length === first.length && shape.every((dim, index) => index === axis || dim === first[index]);
  if (!shapes.every(fits)) unbounded('its tensors do not fit together');
  const length = plus(...shapes.map((shape) => shape[axis] ?? 0));
  return [
    shaped(
      call.input(2).type,
      first.map((dim, index) => (index === axis ? length : dim)),
    ),
  ];
};

const globalPool: Rule = (call) => {
  const shape = call.shape(0);
  const last = call.int('channels_last', 0) !== 0;
  const kept = (axis: number) => axis === 0 || axis === (last ? shape.length - 1 : 1);
  return [
    shaped(
      call.input(0).type,
      shape.map((dim, axis) => (kept(axis) ? dim : 1)),
    ),
  ];
};

const microsoft: Table = {
  QuantizeLinear: op(quantize, MODERATE),
  DequantizeLinear: op(dequantize, MODERATE),
  QLinearAdd: op(binary, MODERATE),
  QLinearMul: op(binary, MODERATE),
  QLinearSigmoid: op(unary, MODERATE),
  QLinearLeakyRelu: op(unary, MODERATE),
  QLinearSoftmax: op(unary, COSTLY),
  QLinearConcat: op(concat, MODERATE),
  QLinearGlobalAveragePool: op(globalPool, MODERATE),
};

export const QUANTIZED: Table = {
  QuantizeLinear: op(quantize, MODERATE),
  DequantizeLinear: op(dequantize, MODERATE),
  DynamicQuantizeLinear: op(dynamicQuantize, MODERATE),
  ...Object.fromEntries(Object.entries(microsoft).map(([name, operator]) => [`com.microsoft::${name}`, operator])),
};
