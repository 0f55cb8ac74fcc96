/** Operators that fold axes into one element, and those that look along an axis: reductions, Softmax, normalizations, TopK. */
import type { Rule } from '../call.ts';
import { axesOf, axisOf, bounded, FLOAT, INT64, shaped, times, unbounded, type Value } from '../tensor.ts';
import { isInteger, rounded } from '../values.ts';
import { like, same } from './elementwise.ts';
import { COSTLY, DEAR, MODERATE, mover, op, SCATTERED, type Table } from './table.ts';

/** `since`: the opset from which on the axes are an input. */
function reduction(since: number, fold?: (left: number, right: number) => number): Rule {
  return (call) => {
    const { type, shape, most, values } = call.input(0);
    const wanted = call.moved('axes', 1, since);
    if (!shape) return [bounded(type, most)];
    const none = !wanted || wanted.length === 0;
    if (none && call.int('noop_with_empty_axes', 0) !== 0) return [shaped(type, shape, values)];
    const axes = none ? [...shape.keys()] : axesOf(wanted, shape.length);
    const dims = folded(shape, axes, call.int('keepdims', 1) !== 0);
    const whole = axes.length === shape.length && shape.length <= 1;
    return [shaped(type, dims, fold && whole && isInteger(type) ? [foldAll(values, type, fold)] : undefined)];
  };
}

function foldAll(
  values: readonly Value[] | undefined,
  type: number,
  fold: (left: number, right: number) => number,
): Value {
  if (!values || values.length === 0) return undefined;
  return values.reduce((sum, value) => {
    if (sum === undefined || value === undefined || !Number.isSafeInteger(value)) return undefined;
    return rounded(type, fold(sum, value));
  });
}

function folded(shape: readonly number[], axes: readonly number[], keep: boolean): number[] {
  if (keep) return shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return shape.filter((_, axis) => !axes.includes(axis));
}

const argument: Rule = (call) => {
  const { shape, most } = call.input(0);
  if (!shape) return [bounded(INT64, most)];
  const axis = axisOf(call.int('axis', 0), shape.length);
  return [shaped(INT64, folded(shape, [axis], call.int('keepdims', 1) !== 0))];
};

const topK: Rule = (call) => {
  const { type } = call.input(0);
  const shape = call.shape(0);
  const axis = axisOf(call.int('axis', -1), shape.length);
  const count = call.opset < 10 ? call.int('k') : call.value(1);
  if (count > (shape[axis] ?? 0)) unbounded(`it takes ${count} of ${shape[axis]}`);
  const dims = shape.map((dim, index) => (index === axis ? count : dim));
  return [shaped(type, dims), shaped(INT64, dims)];
};

/** LayerNormalization and RMSNormalization: the statistics have the normalized axes as 1. */
const layerNormalization: Rule = (call) => {
  const input = call.input(0);
  const out = like(input, input.type);
  if (call.outputCount === 1) return [out];
  const shape = call.shape(0);
  const axis = axisOf(call.int('axis', -1), shape.length);
  const statistics = shaped(
    FLOAT,
    shape.map((dim, index) => (index < axis ? dim : 1)),
  );
  return [out, statistics, statistics];
};

/** The sum that is normalized is an output as well; those between are statistics, no larger than it. */
const skipNormalization: Rule = (call) => {
  const input = call.input(0);
  const out = like(input, input.type);
  return [out, bounded(FLOAT, input.most), bounded(FLOAT, input.most), out];
};

/** In training mode all but the first have the shape of the scale. */
const batchNormalization: Rule = (call) => {
  const input = call.input(0);
  const out = like(input, input.type);
  return [out, ...Array.from({ length: 4 }, () => like(call.input(1), call.input(1).type))];
};

const embedding: Rule = (call) => {
  const ids = call.shapeOfRank(0, 2);
  const hidden = call.shapeOfRank(2, 2)[1] ?? 0;
  const out = shaped(call.input(2).type, [...ids, hidden]);
  return [out, shaped(6, [ids[0] ?? 0]), out];
};

const nonZero: Rule = (call) => {
  const { shape, most, values } = call.input(0);
  const told = values?.every((value) => value !== undefined) ? values : undefined;
  if (shape?.length === 1 && told) {
    const found = [...told.keys()].filter((index) => told[index] !== 0);
    return [shaped(INT64, [1, found.length], found)];
  }
  // An empty tensor counts as one element, which is no less.
  return [bounded(INT64, times(shape ? Math.max(1, shape.length) : 64, most))];
};

const compress: Rule = (call) => [bounded(call.input(0).type, call.input(0).most)];

const unique: Rule = (call) => {
  const { type, most } = call.input(0);
  return [bounded(type, most), ...Array.from({ length: 3 }, () => bounded(INT64, most))];
};

/** Every box may be held against every other that was chosen. */
const nonMaxSuppression: Rule = (call) => {
  const [batch = 1, boxes = 1] = call.shapeOfRank(0, 3);
  const classes = call.shapeOfRank(1, 3)[1] ?? 1;
  const asked = call.inputs[2]?.values?.[0] ?? (call.has(2) ? boxes : 0);
  const chosen = Math.max(1, Math.min(boxes, asked));
  call.macs(batch, classes, Math.max(1, boxes), chosen, COSTLY);
  return [bounded(INT64, times(Math.max(1, batch), Math.max(1, classes), chosen, 3))];
};

function reductions(): Table {
  const names = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'];
  const folds: Record<string, (left: number, right: number) => number> = {
    Max: Math.max,
    Min: Math.min,
    Prod: (left, right) => left * right,
  };
  return Object.fromEntries(
    names.map((name) => [`Reduce${name}`, op(reduction(18, folds[name]), name === 'LogSumExp' ? COSTLY : MODERATE)]),
  );
}

const softmaxLike = ['Softmax', 'LogSoftmax', 'Hardmax'];
const normalizing = ['InstanceNormalization', 'GroupNormalization', 'LpNormalization', 'MeanVarianceNormalization'];

export const REDUCE: Table = {
  ...reductions(),
  ...Object.fromEntries(softmaxLike.map((name) => [name, op(same, COSTLY)])),
  ...Object.fromEntries(normalizing.map((name) => [name, op(same, MODERATE)])),
  ReduceSum: op(
    reduction(13, (left, right) => left + right),
    MODERATE,
  ),
  ArgMax: op(argument, MODERATE),
  ArgMin: op(argument, MODERATE),
  TopK: op(topK, DEAR),
  LayerNormalization: op(layerNormalization, MODERATE),
  SimplifiedLayerNormalization: op(layerNormalization, MODERATE),
  RMSNormalization: op(layerNormalization, MODERATE),
  BatchNormalization: op(batchNormalization, MODERATE),
  NonZero: op(nonZero, SCATTERED),
  Compress: op(compress, MODERATE),
  Unique: op(unique, DEAR),
  NonMaxSuppression: op(nonMaxSuppression, DEAR),
  'com.microsoft::SkipLayerNormalization': op(skipNormalization, MODERATE),
  'com.microsoft::SkipSimplifiedLayerNormalization': op(skipNormalization, MODERATE),
  'com.microsoft::EmbedLayerNormalization': mover(embedding, COSTLY),
  'com.microsoft::BiasSoftmax': op(same, COSTLY),
};
