/** What a rule is kept with: how many steps the operator takes for each element. */
import type { Rule } from '../call.ts';

export interface Operator {
  rule: Rule;
  /** Steps for each element of its outputs and, unless `outputsOnly`, of its inputs. */
  perElement: number;
  /** For operators that touch of their inputs only as much as they put out, and those that count them themselves. */
  outputsOnly: boolean;
}

/**
 * What operators take in one thread of ONNX Runtime's WASM build, from above and at their slowest shapes: an element of them
 * next to a multiply-add of two nanoseconds.
 */
export const CHEAP = 1;
/** A few operations, or memory read out of order. */
export const MODERATE = 4;
/** Memory moved in pieces of a few elements. */
export const SCATTERED = 8;
/** An exponential or the like. */
export const COSTLY = 16;
/** Powers, comparisons of whole neighbourhoods, sorting. */
export const DEAR = 64;

/** Each element of inputs and outputs counts. */
export function op(rule: Rule, perElement: number = CHEAP): Operator {
  return { rule, perElement, outputsOnly: false };
}

/** Only the elements of the outputs count. */
export function mover(rule: Rule, perElement: number = CHEAP): Operator {
  return { rule, perElement, outputsOnly: true };
}

export type Table = Readonly<Record<string, Operator>>;
