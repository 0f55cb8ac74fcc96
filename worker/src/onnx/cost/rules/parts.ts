/** Operators that take tensors apart, put them together or repeat them: Slice, Gather, Concat, Pad, Tile and their like. */
import type { Call, Rule } from '../call.ts';
import { axesOf, axisOf, bounded, broadcast, plus, shaped, times, unbounded } from '../tensor.ts';
import { rearranged, withValues } from '../values.ts';
import { like } from './elementwise.ts';
import { COSTLY, MODERATE, mover, op, SCATTERED, type Table } from './table.ts';

/** `shape` with one dimension replaced. */
function withDim(shape: readonly number[], axis: number, dim: number): number[] {
  return shape.map((own, index) => (index === axis ? dim : own));
}

const concat: Rule = (call) => {
  const inputs = call.all();
  const type = call.input(0).type;
  if (inputs.some(({ shape }) => !shape)) return [bounded(type, plus(...inputs.map(({ most }) => most)))];
  const first = call.shape(0);
  const axis = axisOf(call.int('axis'), first.length);
  for (const { shape } of inputs) {
    const fits = shape?.length === first.length && shape.every((dim, index) => index === axis || dim === first[index]);
    if (!fits) unbounded(`it puts [${first.join(', ')}] and [${shape?.join(', ')}] together`);
  }
  const dims = withDim(first, axis, plus(...inputs.map(({ shape }) => shape?.[axis] ?? 0)));
  const told = first.length === 1 && inputs.every(({ values }) => values);
  return [shaped(type, dims, told ? inputs.flatMap(({ values }) => values ?? []) : undefined)];
};

/** INT_MAX, which ONNX Runtime takes for "to the end", whatever the direction. */
const TO_THE_END = 2 ** 31 - 1;

interface Cut {
  first: number;
  step: number;
  count: number;
}

function cut(dim: number, start: number, end: number, step: number): Cut {
  if (step === 0 || dim >= TO_THE_END || (step < 0 && (dim === 0 || end >= TO_THE_END))) {
    return unbounded(`it slices a dimension of ${dim} from ${start} to ${end} in steps of ${step}`);
  }
  const clamp = (value: number, least: number, most: number) =>
    Math.min(most, Math.max(least, value < 0 ? value + dim : value));
  const first = clamp(start, 0, step < 0 ? dim - 1 : dim);
  const last = clamp(end, step < 0 ? -1 : 0, step < 0 ? dim - 1 : dim);
  return { first, step, count: Math.max(0, Math.ceil((last - first) / step)) };
}

const slice: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map((name, index) => {
    if (call.opset < 10) return call.ints(name);
    if (call.names(name)) unbounded(`its ${name} are an input since opset 10`);
    const told = call.inputs[index + 1]?.values;
    if (!call.has(index + 1)) return undefined;
    return told?.every((value) => value !== undefined) ? told : null;
  });
  // A part is never larger than the whole.
  if (!shape || starts === null || ends === null || axes === null || steps === null) return [bounded(type, most)];
  if (!starts || !ends || starts.length !== ends.length) return unbounded('it has no starts or ends, or not as many');
  const along = axesOf(axes ?? [...starts.keys()], shape.length);
  if (along.length !== starts.length || (steps && steps.length !== starts.length)) {
    return unbounded('it has not as many axes or steps as starts');
  }
  const cuts = shape.map((dim): Cut => ({ first: 0, step: 1, count: dim }));
  for (const [index, axis] of along.entries()) {
    cuts[axis] = cut(shape[axis] ?? 0, starts[index] ?? 0, ends[index] ?? 0, steps?.[index] ?? 1);
  }
  const dims = cuts.map(({ count }) => count);
  const source = (axis: number, at: number): [number, number] => {
    const { first = 0, step = 1 } = cuts[axis] ?? {};
    return [axis, first + at * step];
  };
  return [shaped(type, dims, values && rearranged(values, shape, dims, source))];
};

const split: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  const sizes = call.moved('split', 1, 13);
  const parts = call.outputCount;
  if (!shape) return Array.from({ length: parts }, () => bounded(type, most));
  const axis = axisOf(call.int('axis', 0), shape.length);
  const dim = shape[axis] ?? 0;
  const dims = sizes ?? evenly(call, dim, parts);
  if (dims.length !== parts || dims.some((part) => part < 0) || plus(...dims) !== dim) {
    unbounded(`it splits a dimension of ${dim} into parts of ${dims.join(', ')}`);
  }
  let first = 0;
  return dims.map((part) => {
    const own = values && shape.length === 1 ? values.slice(first, first + part) : undefined;
    first += part;
    return shaped(type, withDim(shape, axis, part), own);
  });
};

function evenly(call: Call, dim: number, parts: number): number[] {
  if (call.int('num_outputs', parts) !== parts || parts === 0) unbounded(`it has ${parts} outputs`);
  if (call.opset < 18 && dim % parts !== 0) unbounded(`it splits a dimension of ${dim} into ${parts}`);
  const part = Math.ceil(dim / parts);
  return Array.from({ length: parts }, (_, index) => (index < parts - 1 ? part : dim - part * (parts - 1)));
}

const gather: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  const indices = call.input(1);
  if (!shape) return [bounded(type, times(most, indices.most))];
  const axis = axisOf(call.int('axis', 0), shape.length);
  if (!indices.shape) {
    const around = times(...withDim(shape, axis, 1).map((dim) => Math.max(1, dim)));
    return [bounded(type, times(around, indices.most))];
  }
  const dims = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)];
  const told =
    values && shape.length === 1
      ? indices.values?.map((at) => (at === undefined ? undefined : values[at < 0 ? at + values.length : at]))
      : undefined;
  return [shaped(type, dims, told)];
};

const gatherElements: Rule = (call) => [like(call.input(1), call.input(0).type)];

const gatherNd: Rule = (call) => {
  const shape = call.shape(0);
  const indices = call.shape(1);
  const batch = call.int('batch_dims', 0);
  const depth = indices.at(-1) ?? unbounded('its indices are a scalar');
  if (batch < 0 || batch + depth > shape.length || batch >= indices.length) unbounded('its indices do not fit');
  return [shaped(call.input(0).type, [...indices.slice(0, -1), ...shape.slice(batch + depth)])];
};

/** The data with some of its elements replaced: values may be anything. */
const scatter: Rule = (call) => [like(call.input(0), call.input(0).type)];

const expand: Rule = (call) => {
  const input = call.input(0);
  const target = call.integers(1);
  if (!input.shape) return [bounded(input.type, times(input.most, ...target.map((dim) => Math.max(1, dim))))];
  const out = shaped(input.type, broadcast([input.shape, target]));
  return [withValues(out, [input], ([value]) => value)];
};

const tile: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  const repeats = call.opset < 6 ? unbounded('it is of an opset before 6') : call.integers(1);
  if (repeats.some((times) => times < 0)) unbounded(`it repeats [${repeats.join(', ')}] times`);
  if (!shape) return [bounded(type, times(most, ...repeats.map((count) => Math.max(1, count))))];
  if (repeats.length !== shape.length) unbounded(`it repeats ${repeats.length} axes of rank ${shape.length}`);
  const dims = shape.map((dim, axis) => times(dim, repeats[axis] ?? 1));
  const told =
    values && shape.length === 1 && (dims[0] ?? 0) <= 64
      ? Array.from({ length: dims[0] ?? 0 }, (_, index) => values[index % values.length])
      : undefined;
  return [shaped(type, dims, told)];
};

const pad: Rule = (call) => {
  const { type } = call.input(0);
  const shape = call.shape(0);
  const pads = (call.opset < 11 ? call.ints('pads') : call.integers(1)) ?? unbounded('it has no pads');
  const axes = axesOf(call.has(3) ? call.integers(3) : [...shape.keys()], shape.length);
  if (pads.length !== 2 * axes.length) unbounded(`it has ${pads.length} pads for ${axes.length} axes`);
  const dims = [...shape];
  for (const [index, axis] of axes.entries()) {
    dims[axis] = plus(shape[axis] ?? 0, pads[index] ?? 0, pads[index + axes.length] ?? 0);
  }
  return [shaped(type, dims)];
};

export const PARTS: Table = {
  Concat: mover(concat, SCATTERED),
  Slice: mover(slice, SCATTERED),
  Split: mover(split, MODERATE),
  Gather: mover(gather, COSTLY),
  GatherElements: mover(gatherElements, MODERATE),
  GatherND: mover(gatherNd, COSTLY),
  Scatter: op(scatter, MODERATE),
  ScatterElements: op(scatter, MODERATE),
  ScatterND: op(scatter, MODERATE),
  Expand: op(expand, SCATTERED),
  Tile: op(tile, SCATTERED),
  Pad: op(pad, SCATTERED),
  'com.microsoft::GatherND': mover(gatherNd, COSTLY),
};
