/** Counts a request for its key and holds it to the key's quota; the answer says what is left of that. */
import type { MiddlewareHandler, Next } from 'hono';
import type { WaitUntil } from '../cache/single-flight.ts';
import { tell } from '../http/answer-headers.ts';
import { type AppContext, type AppEnv, waitUntilOf } from '../http/app-env.ts';
import type { Account } from '../quotas/account.ts';
import type { Place } from '../quotas/lease.ts';
import { limitField, policyField } from '../quotas/rate-limit-fields.ts';
import { QuotaRefused } from '../quotas/refusals.ts';
import type { Limits } from '../quotas/terms.ts';

const ONE = { requests: 1 };
const KEEP_EVERY_MS = 1_000;

/** Stands behind `authenticate`. @throws LeptonError `quota_exceeded`; `unavailable` where the quota cannot be checked and nothing passes then */
export const quota = (): MiddlewareHandler<AppEnv> =>
  function quota(c, next) {
    const { keyId, quota: limits } = c.get('principal');
    if (limits) return limited(c, next, limits);
    c.get('gateway').quotas.count(keyId, ONE, waitUntilOf(c));
    return next();
  };

async function limited(c: AppContext, next: Next, limits: Limits): Promise<void> {
  const { quotas, now } = c.get('gateway');
  const { keyId } = c.get('principal');
  const waitUntil = waitUntilOf(c);
  const account = quotas.account(keyId, limits);
  const place = limits.concurrent === undefined ? undefined : { aliveAt: 0 };
  const isUncounted = limits.requests === undefined;
  const describe = (error: unknown) => {
    const refused = error instanceof QuotaRefused ? error : undefined;
    if (refused) quotas.count(keyId, { refused: 1 }, waitUntil);
    tell(c, 'ratelimit-policy', policyField(limits));
    const field = limitField(account.standing(), refused);
    if (field) tell(c, 'ratelimit', field);
    return refused;
  };
  try {
    if (!isUncounted || place) {
      const need = { ...(isUncounted ? {} : ONE), ...(place ? { concurrent: 1 } : {}) };
      const taken = account.take(need, limits, waitUntil, place);
      if (taken) await taken;
    }
  } catch (error) {
    describe(error);
    throw error;
  }
  const takenAt = now();
  if (isUncounted) quotas.count(keyId, ONE, waitUntil);
  if (place) await holding(account, place, waitUntil, next);
  else await next();
  // One that was refused its units counts as refused, and as nothing else.
  if (!describe(c.error)) return;
  const isGivenBack = !isUncounted && account.giveBack(ONE, takenAt, waitUntil);
  if (!isGivenBack) quotas.count(keyId, { requests: -1 }, waitUntil);
}

/** A request that is under way says so to the ledger, lest its place lapse. */
async function holding(account: Account, place: Place, waitUntil: WaitUntil, next: Next): Promise<void> {
  const timer = setInterval(() => account.keep(place, waitUntil), KEEP_EVERY_MS);
  try {
    await next();
  } finally {
    clearInterval(timer);
    account.leave(place, waitUntil);
  }
}
