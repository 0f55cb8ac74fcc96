/** The quota of a key, and what the key has used. */
import {
  type DayUsage,
  LeptonError,
  type PutQuotaInput,
  type Quota,
  type Usage,
  type UsageQuery,
} from '@lepton-edge/protocol';
import { eq } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { apiKeys } from '../../db/schema.ts';
import { DAY_MS, dateOf } from '../../quotas/days.ts';
import { noUsage } from '../../quotas/terms.ts';
import { findKey, type KeyRow } from './find.ts';

const DEFAULT_DAYS = 30;
const MAX_DAYS = 366;

/**
 * Replaces the whole quota; in force at once in this isolate, within 10 s everywhere.
 * @throws LeptonError `key_not_found`
 */
export async function putQuota(ctx: ServiceContext, id: string, input: z.output<typeof PutQuotaInput>): Promise<Quota> {
  const { db, directory, now } = ctx.gateway;
  const row = await findKey(ctx, id);
  const quota: Quota = {
    requestsPerMinute: input.requestsPerMinute ?? null,
    concurrentRequests: input.concurrentRequests ?? null,
    computeUnitsPerMinute: input.computeUnitsPerMinute ?? null,
  };
  // Later than the one before, whatever the clocks say.
  const quotaSetAt = Math.max(now(), (row.quotaSetAt ?? 0) + 1);
  await db.batch([
    db
      .update(apiKeys)
      .set({ ...quota, quotaSetAt })
      .where(eq(apiKeys.id, id)),
    auditRow(ctx, { action: 'key.quota', subject: `key/${id}`, team: row.teamId, detail: { ...quota } }),
  ]);
  directory.forgetKey(row.hash);
  return quota;
}

/**
 * What a key did, by UTC day; for `admin`, and for the key itself.
 * @throws LeptonError `missing_scope`, `key_not_found`, `invalid_request` for no or too many days
 */
export async function usageOf(ctx: ServiceContext, id: string, query: z.output<typeof UsageQuery>): Promise<Usage> {
  const { gateway, principal } = ctx;
  if (!principal.scopes.has('admin') && principal.keyId !== id) {
    throw new LeptonError('missing_scope', 'this needs a key with scope "admin", or the key it is about');
  }
  const { from, to } = rangeOf(query, gateway.now());
  await findKey(ctx, id);
  const counted = new Map((await gateway.quotas.usage(id, from, to)).map((day) => [day.date, day]));
  const days: DayUsage[] = [];
  for (let time = Date.parse(from); time <= Date.parse(to); time += DAY_MS) {
    const date = dateOf(time);
    days.push(counted.get(date) ?? { date, ...noUsage() });
  }
  return { key: id, from, to, days };
}

export function quotaOfRow(row: Pick<KeyRow, keyof Quota>): Quota | undefined {
  const { requestsPerMinute, concurrentRequests, computeUnitsPerMinute } = row;
  const isLimited = [requestsPerMinute, concurrentRequests, computeUnitsPerMinute].some((limit) => limit !== null);
  return isLimited ? { requestsPerMinute, concurrentRequests, computeUnitsPerMinute } : undefined;
}

function rangeOf(query: z.output<typeof UsageQuery>, now: number): { from: string; to: string } {
  const to = query.to ?? dateOf(now);
  const from = query.from ?? dateOf(Date.parse(to) - (DEFAULT_DAYS - 1) * DAY_MS);
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days >= 1 && days <= MAX_DAYS) return { from, to };
  throw new LeptonError('invalid_request', `from, to: expected 1 to ${MAX_DAYS} days, got ${from} to ${to}`);
}
