/** Makes, lists and revokes the tokens by which nodes join. */
import {
  type CreateNodeTokenInput,
  type IssuedNodeToken,
  LeptonError,
  type NodeToken,
  type Page,
  type PageQuery,
} from '@lepton-edge/protocol';
import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { newId } from '../../db/ids.ts';
import { nodeTokens } from '../../db/schema.ts';
import { hashSecret, newSecret } from '../../db/secrets.ts';
import { pageFrom, readCursor } from '../page.ts';

const LIFETIME_MS = 60 * 60 * 1000;
const MAX_LIFETIME_MS = 366 * 24 * 60 * 60 * 1000;

/** @throws LeptonError `invalid_request` for an expiry in the past or more than a year away */
export async function createNodeToken(ctx: ServiceContext, input: CreateNodeTokenInput): Promise<IssuedNodeToken> {
  const { gateway, principal } = ctx;
  const at = gateway.now();
  const expiresAt = input.expiresAt === undefined ? at + LIFETIME_MS : Date.parse(input.expiresAt);
  if (expiresAt <= at || expiresAt > at + MAX_LIFETIME_MS) {
    throw new LeptonError(
      'invalid_request',
      `expiresAt: expected a time to come, at most a year away, got ${input.expiresAt}`,
    );
  }
  const token = newSecret('lnt');
  const row = {
    id: newId('tok'),
    hash: await hashSecret(token),
    createdAt: at,
    createdBy: principal.keyId,
    expiresAt,
    uses: input.uses ?? 1,
    used: 0,
    revokedAt: null,
  };
  await gateway.db.batch([
    gateway.db.insert(nodeTokens).values(row),
    auditRow(ctx, {
      action: 'node-token.create',
      subject: `node-token/${row.id}`,
      detail: { uses: row.uses, expiresAt: timeOf(expiresAt) },
    }),
  ]);
  return { ...toToken(row), token };
}

/** By id; used and expired ones, too. */
export async function listNodeTokens({ gateway }: ServiceContext, query: PageQuery): Promise<Page<NodeToken>> {
  const rows = await gateway.db
    .select()
    .from(nodeTokens)
    .where(gt(nodeTokens.id, readCursor(query.cursor) ?? ''))
    .orderBy(asc(nodeTokens.id))
    .limit(query.limit + 1);
  return pageFrom(rows, query.limit, (row) => row.id, toToken);
}

/** Nothing joins by it any more, at once; nodes that did stay. @throws LeptonError `node_token_not_found` */
export async function revokeNodeToken(ctx: ServiceContext, id: string): Promise<void> {
  const { db, now } = ctx.gateway;
  const [row] = await db.select().from(nodeTokens).where(eq(nodeTokens.id, id));
  if (!row) throw new LeptonError('node_token_not_found', `no join token has the id ${JSON.stringify(id)}`);
  if (row.revokedAt !== null) return;
  await db.batch([
    db
      .update(nodeTokens)
      .set({ revokedAt: now() })
      .where(and(eq(nodeTokens.id, id), isNull(nodeTokens.revokedAt))),
    auditRow(ctx, { action: 'node-token.revoke', subject: `node-token/${id}` }),
  ]);
}

function toToken(row: Omit<typeof nodeTokens.$inferSelect, 'nodeId'>): NodeToken {
  return {
    id: row.id,
    uses: row.uses,
    used: row.used,
    createdAt: timeOf(row.createdAt),
    createdBy: row.createdBy,
    expiresAt: timeOf(row.expiresAt),
    ...(row.revokedAt === null ? {} : { revokedAt: timeOf(row.revokedAt) }),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
