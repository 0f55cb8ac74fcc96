/** Compute units: taken from the quota of whoever pays before the work, given back where it was not done. */
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal } from '../context.ts';

/**
 * @param payer undefined: nothing is counted
 * @param used how many units it turned out to be, where that is known only afterwards
 * @throws LeptonError `quota_exceeded`, `larger_than_quota`, and as the work does
 */
export async function charge<T>(
  { quotas, now }: Gateway,
  payer: Principal | undefined,
  units: number,
  waitUntil: WaitUntil,
  work: () => Promise<T>,
  used: (outcome: T) => number = () => units,
): Promise<T> {
  if (!payer) return await work();
  const { keyId, quota } = payer;
  if (quota?.units === undefined) {
    const outcome = await work();
    quotas.count(keyId, { computeUnits: used(outcome) }, waitUntil);
    return outcome;
  }
  const account = quotas.account(keyId, quota);
  const taken = account.take({ units }, quota, waitUntil);
  if (taken) await taken;
  const takenAt = now();
  let spent = 0;
  try {
    const outcome = await work();
    spent = used(outcome);
    return outcome;
  } finally {
    const unused = units - spent;
    const isSettled = unused === 0 || account.giveBack({ units: unused }, takenAt, waitUntil);
    if (!isSettled) quotas.count(keyId, { computeUnits: -unused }, waitUntil);
  }
}
