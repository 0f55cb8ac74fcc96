/** Reads a row of probabilities. */

export function mostLikely(row: ArrayLike<number>): { index: number; probability: number } {
  let index = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] as number) > (row[index] as number)) index = i;
  return { index, probability: row[index] ?? 0 };
}
