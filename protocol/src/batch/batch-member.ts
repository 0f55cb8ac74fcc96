/** One request as a member of a batch: how many items it has, and with which others it fits together. Pure. */
import type { Tensor } from '../tensor/tensor.ts';
import type { BatchPlan } from './batch-plan.ts';

export interface Member {
  /** In the order of the plan's inputs. */
  readonly inputs: readonly Tensor[];
  /** The outputs wanted. */
  readonly outputs: readonly string[];
  readonly items: number;
  /** Those with the same key have the same shapes, but for the number of items and for what is padded. */
  readonly key: string;
  /** Whether its padded axes may be made longer. */
  readonly padded: boolean;
}

/** @returns undefined for a request that must run alone */
export function memberOf(plan: BatchPlan, given: readonly Tensor[], outputs: readonly string[]): Member | undefined {
  if (plan.withdrawn || !outputs.every((name) => plan.axes.has(name))) return undefined;
  const inputs: Tensor[] = [];
  for (const { name } of plan.inputs) {
    const input = given.find((each) => each.name === name);
    if (!input) return undefined;
    inputs.push(input);
  }
  const items = commonItems(plan, inputs);
  if (items === undefined || items >= plan.maxItems) return undefined;
  const padded = plan.pad.size > 0 && mayPad(plan, inputs, outputs);
  return { inputs, outputs, items, key: keyOf(plan, inputs, padded), padded };
}

/** How long a request's padded inputs are; undefined where they differ, or none is padded. */
export function ownLength(plan: BatchPlan, inputs: readonly Tensor[]): number | undefined {
  const lengths = new Set<number>();
  for (const input of inputs) {
    const padding = plan.pad.get(input.name);
    if (padding) lengths.add(input.shape[padding.axis] as number);
  }
  const [length] = lengths;
  return lengths.size === 1 ? length : undefined;
}

/** What a request counts for, whether it may share a run or not. */
export function itemsOf({ axes }: BatchPlan, inputs: readonly Tensor[]): number {
  return Math.max(1, ...inputs.map(({ name, shape }) => shape[axes.get(name) ?? -1] ?? 1));
}

/** Undefined where the inputs disagree, as they do when one is to be broadcast, or where there are none. */
function commonItems({ axes }: BatchPlan, inputs: readonly Tensor[]): number | undefined {
  let items: number | undefined;
  for (const { name, shape } of inputs) {
    const axis = axes.get(name);
    if (axis === undefined) continue;
    const size = shape[axis];
    if (!size || (items !== undefined && items !== size)) return undefined;
    items = size;
  }
  return items;
}

/** An output with a free axis besides that of the items must say that it is cut, and then the length must be clear. */
function mayPad(plan: BatchPlan, inputs: readonly Tensor[], outputs: readonly string[]): boolean {
  let cuts = false;
  for (const name of outputs) {
    const shape = plan.outputs.find((spec) => spec.name === name)?.shape ?? [];
    const padding = plan.pad.get(name);
    const free = shape.flatMap((size, axis) => (size === -1 && axis !== plan.axes.get(name) ? [axis] : []));
    if (free.some((axis) => axis !== padding?.axis)) return false;
    cuts ||= free.length > 0;
  }
  return !cuts || ownLength(plan, inputs) !== undefined;
}

function keyOf(plan: BatchPlan, inputs: readonly Tensor[], padded: boolean): string {
  let key = '';
  for (const input of inputs) {
    const batchAxis = plan.axes.get(input.name);
    const padAxis = padded ? plan.pad.get(input.name)?.axis : undefined;
    for (let axis = 0; axis < input.shape.length; axis++) {
      key += axis === batchAxis ? 'n,' : axis === padAxis ? 'p,' : `${input.shape[axis]},`;
    }
    key += ';';
  }
  return key;
}
