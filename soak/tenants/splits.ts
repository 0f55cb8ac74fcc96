/** How far apart the medians of two samples lie that come from the same source: by dividing one sample at random, again and again. */
import { quantile } from '../support/table.ts';

const SPLITS = 200;

/** The largest distance of the medians of two halves. Source: the permutation test (Fisher, Pitman), of medians. */
export function largestOfSplits(values: readonly number[]): number {
  let largest = 0;
  for (let i = 0; i < SPLITS; i++) {
    const halves: [number[], number[]] = [[], []];
    for (const value of values) halves[Math.random() < 0.5 ? 0 : 1].push(value);
    largest = Math.max(largest, Math.abs(quantile(halves[0], 0.5) - quantile(halves[1], 0.5)));
  }
  return largest;
}
