/** The quotas and the usage of keys as an isolate sees them: an account for each key with a quota, counts for every key. */
import type { DayUsage } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Settings } from '../env.ts';
import { Account } from '../quotas/account.ts';
import { type Answer, addUsage, type Limits, noUsage, type UsageCounts } from '../quotas/terms.ts';
import type { QuotaLedger } from './quota-ledger.ts';

const FLUSH_AFTER_MS = 1_000;
/** A flush that has not begun by then never will: the request that kept it alive was cancelled. */
const LOST_AFTER_MS = 10_000;
/** A request on Workers may make a thousand calls. */
const MAX_FLUSHED = 500;
/** Beyond so many, accounts that hold nothing are forgotten. */
const MAX_IDLE_ACCOUNTS = 1_000;

export interface Quotas {
  /** Counts what a key did, but for what its quota limits: that the account counts. Takes no time of the request. */
  count(keyId: string, counted: Partial<UsageCounts>, waitUntil: WaitUntil): void;
  account(keyId: string, limits: Limits): Account;
  /** The days on which a key did something, both ends included, this isolate's latest counts too. */
  usage(keyId: string, from: string, to: string): Promise<DayUsage[]>;
}

export function createQuotas(
  namespace: DurableObjectNamespace<QuotaLedger>,
  whenAway: Settings['quotaLedgerAway'],
  now: () => number,
): Quotas {
  const ledger = (keyId: string) => namespace.get(namespace.idFromName(keyId));
  const accounts = new Map<string, Account>();
  const pending = new Map<string, UsageCounts>();
  let promisedAt: number | undefined;

  function add(keyId: string, counted: Partial<UsageCounts>): void {
    const sum = pending.get(keyId);
    if (sum) addUsage(sum, counted);
    else pending.set(keyId, { ...noUsage(), ...counted });
  }

  async function flush(keyId: string): Promise<void> {
    const counted = pending.get(keyId);
    if (!counted) return;
    pending.delete(keyId);
    try {
      await ledger(keyId).count(counted);
    } catch {
      // Added with the next ones. A ledger that had done so already counts them twice: rather that than not at all.
      add(keyId, counted);
    }
  }

  async function flushLater(): Promise<void> {
    await scheduler.wait(FLUSH_AFTER_MS);
    promisedAt = undefined;
    await Promise.all([...pending.keys()].slice(0, MAX_FLUSHED).map(flush));
  }

  return {
    count(keyId, counted, waitUntil) {
      add(keyId, counted);
      if (promisedAt !== undefined && now() < promisedAt + LOST_AFTER_MS) return;
      promisedAt = now();
      waitUntil(flushLater());
    },
    account(keyId, limits) {
      const known = accounts.get(keyId);
      if (known) return known;
      if (accounts.size >= MAX_IDLE_ACCOUNTS) {
        for (const [id, account] of accounts) if (account.isIdle()) accounts.delete(id);
      }
      const account = new Account(limits, {
        newSession: () => crypto.randomUUID(),
        exchange: async (ask) => (await ledger(keyId).exchange(ask)) as Answer | undefined,
        whenAway,
        now,
        sleep: (ms) => scheduler.wait(ms),
      });
      accounts.set(keyId, account);
      return account;
    },
    async usage(keyId, from, to) {
      await flush(keyId);
      return await ledger(keyId).usage(from, to);
    },
  };
}
