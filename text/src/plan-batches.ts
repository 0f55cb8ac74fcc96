/** Groups texts of different lengths into runs of a model, by what the runs cost. */

export interface BatchLimits {
  /** Most elements of a padded batch: its rows times its longest row. */
  tokenBudget: number;
  maxBatchSize: number;
}

/**
 * Indices of items, grouped so that those of like length go together and little is padding. Every index comes once; an item that
 * exceeds the budget by itself goes alone. The same lengths always give the same groups.
 * @param lengths tokens of each item
 */
export function planBatches(lengths: readonly number[], { tokenBudget, maxBatchSize }: BatchLimits): number[][] {
  const order = Array.from(lengths.keys()).sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const index of order) {
    const width = Math.max(1, lengths[index] as number);
    if (batch.length > 0 && (batch.length >= maxBatchSize || (batch.length + 1) * width > tokenBudget)) {
      batches.push(batch);
      batch = [];
    }
    batch.push(index);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
