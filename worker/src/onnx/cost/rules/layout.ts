/** Operators that give the same elements another shape: Reshape, Transpose, Squeeze and their like. */
import type { Call, Rule } from '../call.ts';
import {
  axesOf,
  axisOf,
  bounded,
  elementsOf,
  INT64,
  scalar,
  shaped,
  type Tensor,
  times,
  unbounded,
} from '../tensor.ts';
import { rearranged } from '../values.ts';
import { like } from './elementwise.ts';
import { COSTLY, MODERATE, mover, SCATTERED, type Table } from './table.ts';

/** A shape that depends on data is of as many dimensions at most. */
const MAX_RANK = 64;

const shapeOf: Rule = (call) => {
  const { shape } = call.input(0);
  if (!shape) return [bounded(INT64, MAX_RANK)];
  const dims = shape.slice(call.int('start', 0), call.names('end') ? call.int('end') : undefined);
  return [shaped(INT64, [dims.length], dims)];
};

const size: Rule = (call) => {
  const { shape } = call.input(0);
  return [scalar(INT64, shape && elementsOf(shape))];
};

const reshape: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  const target = call.opset < 5 ? call.ints('shape') : undefined;
  if (!target && call.input(1).values?.every((value) => value !== undefined) !== true) {
    // Any shape of as many elements; without a dimension of 0 that bounds it.
    if (shape && !shape.includes(0)) return [bounded(type, most)];
    return unbounded('the shape it asks for is not known');
  }
  const wanted = target ?? call.integers(1);
  const copies = call.int('allowzero', 0) === 0;
  if (wanted.some((dim) => dim < -1) || wanted.filter((dim) => dim === -1).length > 1) {
    return unbounded(`it asks for the shape [${wanted.join(', ')}]`);
  }
  if (!shape) return [reshapedBound(type, most, wanted, copies)];
  const dims = wanted.map((dim, axis) => {
    if (dim !== 0 || !copies) return dim;
    return shape[axis] ?? unbounded(`it copies dimension ${axis} of a tensor of rank ${shape.length}`);
  });
  const count = elementsOf(shape);
  const given = times(...dims.filter((dim) => dim !== -1));
  const inferred = given === 0 ? 0 : count / given;
  const result = dims.map((dim) => (dim === -1 ? inferred : dim));
  if (!Number.isInteger(inferred) || elementsOf(result) !== count || (given === 0 && dims.includes(-1))) {
    return unbounded(`[${shape.join(', ')}] cannot be given the shape [${wanted.join(', ')}]`);
  }
  return [shaped(type, result, values)];
};

function reshapedBound(type: number, most: number, wanted: readonly number[], copies: boolean): Tensor {
  const copied = copies && wanted.includes(0);
  if (!copied && !wanted.includes(-1)) return shaped(type, wanted);
  const explicit = times(...wanted.map((dim) => Math.max(1, dim)));
  return bounded(type, Math.max(most, times(explicit, copied ? most : 1)));
}

const flatten: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  if (!shape) return [bounded(type, most)];
  const given = call.int('axis', 1);
  const axis = given === shape.length ? given : axisOf(given, shape.length);
  return [shaped(type, [elementsOf(shape.slice(0, axis)), elementsOf(shape.slice(axis))], values)];
};

const squeeze: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  const wanted = call.moved('axes', 1, 13);
  if (!shape) return [bounded(type, most)];
  const axes = wanted ? axesOf(wanted, shape.length) : [...shape.keys()].filter((axis) => shape[axis] === 1);
  const wrong = axes.find((axis) => shape[axis] !== 1);
  if (wrong !== undefined) unbounded(`it squeezes axis ${wrong} of [${shape.join(', ')}]`);
  return [
    shaped(
      type,
      shape.filter((_, axis) => !axes.includes(axis)),
      values,
    ),
  ];
};

const unsqueeze: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  const wanted = call.moved('axes', 1, 13) ?? unbounded('it has no axes');
  if (!shape) return [bounded(type, most)];
  const rank = shape.length + wanted.length;
  const axes = new Set(axesOf(wanted, rank));
  let next = 0;
  const dims = Array.from({ length: rank }, (_, axis) => (axes.has(axis) ? 1 : (shape[next++] ?? 1)));
  return [shaped(type, dims, values)];
};

const transpose: Rule = (call) => {
  const { type, shape, most, values } = call.input(0);
  if (!shape) return [bounded(type, most)];
  const perm = call.ints('perm') ?? [...shape.keys()].reverse();
  if (perm.length !== shape.length) unbounded(`it permutes ${perm.length} axes of rank ${shape.length}`);
  const axes = axesOf(perm, shape.length);
  const dims = axes.map((axis) => shape[axis] ?? 1);
  return [shaped(type, dims, values && rearranged(values, shape, dims, (axis, at) => [axes[axis] ?? 0, at]))];
};

/** Blocks of the channels become an area, or the other way round. */
function blocks(toSpace: boolean): Rule {
  return (call) => {
    const [n = 1, c = 1, h = 1, w = 1] = call.shapeOfRank(0, 4);
    const block = call.int('blocksize');
    const type = call.input(0).type;
    const dims = toSpace
      ? [n, c / (block * block), h * block, w * block]
      : [n, c * block * block, h / block, w / block];
    if (block < 1 || !dims.every(Number.isInteger)) unbounded(`its blocks of ${block} do not fit`);
    return [shaped(type, dims)];
  };
}

const identity: Rule = (call) => [call.input(0)];

export const LAYOUT: Table = {
  Shape: mover(shapeOf),
  Size: mover(size),
  Reshape: mover(reshape),
  Flatten: mover(flatten),
  Squeeze: mover(squeeze),
  Unsqueeze: mover(unsqueeze),
  Transpose: mover(transpose, SCATTERED),
  DepthToSpace: mover(blocks(true), SCATTERED),
  SpaceToDepth: mover(blocks(false), SCATTERED),
  Identity: mover(identity, MODERATE),
  ReverseSequence: mover((call: Call) => [like(call.input(0), call.input(0).type)], COSTLY),
  'com.microsoft::ExpandDims': mover((call) => {
    const shape = [...call.shape(0)];
    const axis = axisOf(call.value(1), shape.length + 1);
    return [shaped(call.input(0).type, [...shape.slice(0, axis), 1, ...shape.slice(axis)])];
  }),
};
