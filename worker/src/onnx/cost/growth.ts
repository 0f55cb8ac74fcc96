/** How much a run takes at most on inputs larger than those it is tried with: a table for looking up, made once. */
import type { CostGrowth, TensorSpec } from '@lepton-edge/protocol';
import type { Model } from '../model.ts';
import { boundCostOf, type InputShapes } from './bound-cost.ts';

/** From one entry of the table to the next, in elements. */
const STEP = 4;
const MAX_ELEMENTS = 2 ** 26;
/** What takes more is not told apart: nobody waits for it. */
const MAX_MULTIPLY_ADDS = 1e12;
/** Of models with more, those of functions written out included, nothing is told: each entry follows them all. */
const MAX_TENSORS = 10_000;
const MAX_AXES = 6;
/** Where inputs cannot grow along one axis alone: matrices of n elements are multiplied in n^1.5 steps. */
const ASSUMED_EXPONENT = 1.5;

/**
 * The bound for inputs of so many elements together, whatever their values, along whichever of their dynamic axes they grew:
 * each axis alone (what is a sum of powers of sizes is largest so), and all of them at once. An axis counts as the same one
 * in all inputs. Where an axis cannot grow alone, the exponent is assumed for it.
 * @param shapes where the table begins
 * @returns entries of growing size; empty where nothing can grow, or nothing is known
 */
export function costGrowth(model: Model, inputs: readonly TensorSpec[], shapes: InputShapes): CostGrowth {
  let tensors = 0;
  const start = boundCostOf(model, shapes, () => {
    tensors += 1;
  });
  const axes = dynamicAxes(inputs);
  if (!start.known || axes.length === 0 || tensors > MAX_TENSORS) return [];
  const first = elementsOf(shapes);
  const ways = axes.length > 1 && axes.length <= MAX_AXES ? [...axes.map((axis) => [axis]), axes] : [axes];
  const table: CostGrowth = [{ elements: first, multiplyAdds: start.multiplyAdds }];
  for (let elements = Math.max(1, first) * STEP; elements <= MAX_ELEMENTS; elements *= STEP) {
    const bounds = ways.map((way) => boundAt(model, grown(inputs, shapes, way, elements)));
    if (bounds.every((bound) => bound === undefined)) return table.length > 1 ? table : [];
    const assumed = start.multiplyAdds * (elements / Math.max(1, first)) ** ASSUMED_EXPONENT;
    const before = table.at(-1)?.multiplyAdds ?? 0;
    const multiplyAdds = Math.max(before, ...bounds.map((bound) => bound ?? assumed));
    table.push({ elements, multiplyAdds });
    if (multiplyAdds > MAX_MULTIPLY_ADDS) break;
  }
  return table;
}

function boundAt(model: Model, shapes: InputShapes | undefined): number | undefined {
  const cost = shapes && boundCostOf(model, shapes);
  return cost?.known ? cost.multiplyAdds : undefined;
}

/** The axes by number that are dynamic in any input. */
function dynamicAxes(inputs: readonly TensorSpec[]): number[] {
  const axes = inputs.flatMap(({ shape }) => shape.flatMap((size, axis) => (size === -1 ? [axis] : [])));
  return [...new Set(axes)].sort((a, b) => a - b);
}

/** The shapes with these axes so many times as large that they have that many elements; undefined where they never do. */
function grown(
  inputs: readonly TensorSpec[],
  shapes: InputShapes,
  axes: readonly number[],
  elements: number,
): InputShapes | undefined {
  const times = (factor: number) =>
    Object.fromEntries(
      inputs.map(({ name, shape }) => {
        const from = shapes[name] ?? [];
        const grows = (axis: number) => shape[axis] === -1 && axes.includes(axis);
        return [name, from.map((size, axis) => (grows(axis) ? Math.max(1, size) * factor : size))];
      }),
    );
  let [low, high] = [1, 1];
  while (elementsOf(times(high)) < elements) {
    if (high > elements) return undefined;
    [low, high] = [high, high * 2];
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (elementsOf(times(middle)) < elements) low = middle;
    else high = middle;
  }
  return times(high);
}

export function elementsOf(shapes: InputShapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
