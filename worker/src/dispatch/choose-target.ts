/** Splits an alias's traffic over its targets by weight. */
import type { AliasTarget } from '@lepton-edge/protocol';
import { fnv1a } from './fnv1a.ts';

/** @param point a number in [0, 1): random, or from a caller's name so that they stay where they are */
export function chooseTarget(targets: readonly AliasTarget[], point: number): number {
  const total = targets.reduce((sum, target) => sum + target.weight, 0);
  let left = point * total;
  for (const target of targets) {
    left -= target.weight;
    if (left < 0) return target.version;
  }
  const last = targets.at(-1);
  if (!last) throw new RangeError('an alias has at least one target');
  return last.version;
}

/** A point in [0, 1) that is always the same for the same text. */
export function stickyPoint(text: string): number {
  return fnv1a(text) / 2 ** 32;
}
