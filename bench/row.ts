/** A row of the benchmark: what was measured round by round, and how it stands to its target. */

/** What a ratio must hold: at least, at most, or nothing, where a figure is only reported. */
export type Target = { atLeast: number } | { atMost: number } | undefined;

/** What it is counted in: `×` for a true ratio, else the difference to the yardstick. */
type Unit = '×' | 'ms' | 'MiB' | 'requests';

/** As a subject hands it in. */
export interface Measured {
  id: string;
  /** A few words for the table. */
  what: string;
  unit?: Unit;
  target?: Target;
  /** One a round; the row's ratio is their median. */
  ratios: number[];
  /** What they were made from, a value a round, by name; the names say the unit. */
  samples: Record<string, number[]>;
}

/** As it is written to `results/latest.json`. */
export interface Row {
  id: string;
  what: string;
  unit: Unit;
  ratio: number;
  /** Of the rounds, the lowest and the highest. */
  spread: [number, number];
  /** In words: `≥ 0.75`. */
  target: string;
  /** null where there is no target. */
  met: boolean | null;
  samples: Record<string, number[]>;
}

const DIGITS = 4;

/** @throws Error when a round did not give a number: a hole is no measurement */
export function rowOf({ id, what, unit = '×', target, ratios, samples }: Measured): Row {
  if (ratios.length === 0 || !ratios.every(Number.isFinite)) {
    throw new Error(`${id}: expected a number of each round, got [${ratios.join(', ')}]`);
  }
  const ratio = rounded(median(ratios));
  const spread: [number, number] = [rounded(Math.min(...ratios)), rounded(Math.max(...ratios))];
  const kept = Object.entries(samples).map(([name, values]) => [name, values.map(rounded)]);
  return { id, what, unit, ratio, spread, ...judge(ratio, target, unit), samples: Object.fromEntries(kept) };
}

function judge(ratio: number, target: Target, unit: Unit): Pick<Row, 'target' | 'met'> {
  if (!target) return { target: '', met: null };
  const suffix = unit === '×' ? '' : ` ${unit}`;
  return 'atLeast' in target
    ? { target: `≥ ${target.atLeast}${suffix}`, met: ratio >= target.atLeast }
    : { target: `≤ ${target.atMost}${suffix}`, met: ratio <= target.atMost };
}

/** Of an even count the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (!Number.isInteger(middle)) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** For a row's words. */
export function callersNamed(count: number): string {
  return count === 1 ? '1 caller' : `${count} callers`;
}

/** Ratios of two series, round by round. */
export function over(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((value, i) => value / (theirs[i] ?? Number.NaN));
}

/** Differences of two series, round by round. */
export function less(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((value, i) => value - (theirs[i] ?? Number.NaN));
}

/**
 * Takes measurements in turns, so that what else the machine does meets all of them: forwards in one round and backwards
 * in the next. A round before the first is for the compilers and not kept.
 */
export async function inRounds<Name extends string, T>(
  rounds: number,
  sides: Record<Name, () => Promise<T>>,
): Promise<Record<Name, T[]>> {
  const names = Object.keys(sides) as Name[];
  const kept = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, T[]>;
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const value = await sides[name]();
      if (round > 0) kept[name].push(value);
    }
  }
  return kept;
}

function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
