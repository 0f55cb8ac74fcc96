/** Makes, lists and revokes API keys. */
import {
  type CreateKeyInput,
  type IssuedKey,
  type Key,
  type KeyQuery,
  LeptonError,
  type Page,
} from '@lepton-edge/protocol';
import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { newId } from '../../db/ids.ts';
import { apiKeys } from '../../db/schema.ts';
import { hashSecret, newSecret, prefixOf } from '../../db/secrets.ts';
import { pageFrom, readCursor } from '../page.ts';
import { findTeam } from '../teams/find.ts';
import { findKey, type KeyRow } from './find.ts';
import { quotaOfRow } from './quota.ts';

/** @throws LeptonError `team_not_found`, `invalid_request` for an expiry in the past */
export async function createKey(ctx: ServiceContext, input: z.output<typeof CreateKeyInput>): Promise<IssuedKey> {
  const { gateway } = ctx;
  const team = await findTeam(ctx, input.team);
  const expiresAt = input.expiresAt === undefined ? null : Date.parse(input.expiresAt);
  if (expiresAt !== null && expiresAt <= gateway.now()) {
    throw new LeptonError('invalid_request', `expiresAt: expected a time to come, got ${input.expiresAt}`);
  }
  const secret = newSecret('lep');
  const row = {
    id: newId('key'),
    teamId: team.id,
    nodeId: null,
    name: input.name,
    description: input.description ?? null,
    prefix: prefixOf(secret),
    hash: await hashSecret(secret),
    scopes: input.scopes,
    createdAt: gateway.now(),
    expiresAt,
    revokedAt: null,
    lastUsedAt: null,
    requestsPerMinute: null,
    concurrentRequests: null,
    computeUnitsPerMinute: null,
    quotaSetAt: null,
  };
  await gateway.db.batch([
    gateway.db.insert(apiKeys).values(row),
    auditRow(ctx, {
      action: 'key.create',
      subject: `key/${row.id}`,
      team: team.id,
      detail: { name: row.name, team: team.id, scopes: row.scopes },
    }),
  ]);
  return { ...toKey(row), secret };
}

/** @throws LeptonError `team_not_found` */
export async function listKeys(ctx: ServiceContext, query: z.output<typeof KeyQuery>): Promise<Page<Key>> {
  const team = query.team === undefined ? undefined : await findTeam(ctx, query.team);
  const rows = await ctx.gateway.db
    .select()
    .from(apiKeys)
    .where(and(gt(apiKeys.id, readCursor(query.cursor) ?? ''), team && eq(apiKeys.teamId, team.id)))
    .orderBy(asc(apiKeys.id))
    .limit(query.limit + 1);
  return pageFrom(rows, query.limit, (row) => row.id, toKey);
}

/** Takes effect at once in this isolate, within 10 s everywhere. @throws LeptonError `key_not_found` */
export async function revokeKey(ctx: ServiceContext, id: string): Promise<void> {
  const { db, directory, now } = ctx.gateway;
  const row = await findKey(ctx, id);
  if (row.revokedAt !== null) return;
  await db.batch([
    db
      .update(apiKeys)
      .set({ revokedAt: now() })
      .where(and(eq(apiKeys.id, id), isNull(apiKeys.revokedAt))),
    auditRow(ctx, { action: 'key.revoke', subject: `key/${id}`, team: row.teamId, detail: { name: row.name } }),
  ]);
  directory.forgetKey(row.hash);
}

function toKey(row: KeyRow): Key {
  const time = (ms: number) => new Date(ms).toISOString();
  const quota = quotaOfRow(row);
  return {
    id: row.id,
    prefix: row.prefix,
    name: row.name,
    ...(row.description === null ? {} : { description: row.description }),
    team: row.teamId,
    scopes: row.scopes,
    createdAt: time(row.createdAt),
    ...(row.expiresAt === null ? {} : { expiresAt: time(row.expiresAt) }),
    ...(row.lastUsedAt === null ? {} : { lastUsedAt: time(row.lastUsedAt) }),
    ...(row.revokedAt === null ? {} : { revokedAt: time(row.revokedAt) }),
    ...(quota ? { quota } : {}),
  };
}
