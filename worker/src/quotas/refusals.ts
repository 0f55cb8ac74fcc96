/** The sentences of a quota's refusals. */
import { LeptonError } from '@lepton-edge/protocol';
import type { Dimension, Refusal } from './terms.ts';

const LIMITS: Record<Dimension, (limit: number) => string> = {
  requests: (limit) => `${count(limit, 'request')} a minute`,
  concurrent: (limit) => `${count(limit, 'request')} at a time`,
  units: (limit) => `${count(limit, 'compute unit')} a minute`,
};

/** A request that the quota of its key does not allow. */
export class QuotaRefused extends LeptonError {
  readonly dimension: Dimension;

  /** @param amount what was needed */
  constructor({ dimension, waitMs }: Refusal, limit: number, amount: number) {
    const needs = dimension === 'units' ? `, and this request needs ${amount}` : '';
    const allows = `the quota of this key allows ${LIMITS[dimension](limit)}${needs}`;
    if (waitMs === undefined) {
      super('larger_than_quota', `${allows}: send less at a time, or have the quota raised`);
    } else {
      const retryAfterSeconds = Math.ceil(waitMs / 1000);
      super('quota_exceeded', `${allows}: try again in ${retryAfterSeconds} s`, { retryAfterSeconds });
    }
    this.dimension = dimension;
  }
}

export function awayError(): LeptonError {
  const sentence =
    'the quota of this key cannot be checked now, and this gateway lets nothing pass unchecked: try again';
  return new LeptonError('unavailable', sentence, { retryAfterSeconds: 1 });
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? '' : 's'}`;
}
