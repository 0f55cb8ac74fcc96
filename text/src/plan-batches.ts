/** Groups texts of different lengths into runs of a model, by what the runs cost. */

export interface BatchLimits {
  /** Most elements of a padded batch: its rows times its longest row. */
  tokenBudget: number;
  maxBatchSize: number;
}

/**
 * Indices of items, the longest first, grouped so that those of like length go together and little is padding. Every index comes once; an item that
 * exceeds the budget by itself goes alone. The same lengths always give the same groups.
 * @param lengths tokens of each item
 */
export function planBatches(lengths: readonly number[], { tokenBudget, maxBatchSize }: BatchLimits): number[][] {
  const order = Array.from(lengths.keys()).sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  let width = 0;
  for (const index of order) {
    const isFull = batch.length >= maxBatchSize || (batch.length + 1) * width > tokenBudget;
    if (batch.length > 0 && isFull) {
      batches.push(batch);
      batch = [];
    }
    // The longest comes first.
    if (batch.length === 0) width = lengths[index] as number;
    batch.push(index);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
