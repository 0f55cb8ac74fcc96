/** How many inferences one run is, as statistics count them. */
import type { TensorSpec } from '../versions.ts';
import type { Tensor } from './tensor.ts';

/** The length of the first input's first axis where that is free, as it then holds the items of a batch; otherwise 1. */
export function batchItems([spec]: readonly TensorSpec[], inputs: readonly Tensor[]): number {
  if (spec?.shape[0] !== -1) return 1;
  return inputs.find(({ name }) => name === spec.name)?.shape[0] ?? 1;
}
