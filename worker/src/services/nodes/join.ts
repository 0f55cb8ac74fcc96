/** A node joins: it shows a join token, proves its address, and gets an id and a credential. */
import { type JoinAnswer, type JoinInput, LeptonError, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';
import { and, eq, gt, isNull, lt, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { Gateway } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { isPreconditionFailure, isUniqueViolation } from '../../db/database.ts';
import { newId } from '../../db/ids.ts';
import { apiKeys, nodes, nodeTokens } from '../../db/schema.ts';
import { hashSecret, newSecret, prefixOf } from '../../db/secrets.ts';
import { isHeard } from '../../hubs/live-node.ts';
import { verifyAddress } from './verify-address.ts';

/** Credentials of nodes belong to this team; their scope `node` gives them nothing else. */
const NODE_TEAM = 'team_default';
/** Each further try means that another join or a removal came between. */
const MAX_TRIES = 4;

type Input = z.output<typeof JoinInput>;
type Token = typeof nodeTokens.$inferSelect;

/**
 * A name that is taken is taken over, unless another node lives under it: the token was given by an administrator, and the
 * earlier credential ends.
 * @throws LeptonError `name_taken`; `unauthenticated` for a token that is unknown, used up, revoked or expired; `node_unverified`; `unavailable` when
 * others join under this name all the time
 */
export async function joinNode(gateway: Gateway, origin: string, input: Input): Promise<JoinAnswer> {
  const issuer = gateway.settings.publicUrl ?? origin;
  let token = await findToken(gateway, input.token);
  await verifyAddress(gateway, input.url, issuer, input.publicKey);
  await refuseLivingName(gateway, input);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const joined = await tryJoin(gateway, token, issuer, input);
    if (joined) return joined;
    token = await findToken(gateway, input.token);
  }
  throw new LeptonError('unavailable', `others are joining or removing "${input.name}" all the time: join again`, {
    retryAfterSeconds: 1,
  });
}

/** The same key is the same node, unless another process with it is heard: then each join would end the other's credential. */
async function refuseLivingName({ db, fleet }: Gateway, { name, publicKey, instance }: Input): Promise<void> {
  const [known] = await db.select().from(nodes).where(eq(nodes.name, name));
  if (!known) return;
  const live = await fleet.find(known.id);
  if (!live || !isHeard(live)) return;
  if (known.publicKey.x === publicKey.x) {
    const other = live.heartbeat.instance;
    if (instance === undefined || other === undefined || instance === other) return;
    throw new LeptonError(
      'name_taken',
      `another process with the identity of "${name}" reports from ${live.heartbeat.url}: stop one of the two, or give this one a name (--name) and an empty home (--home) of its own; after a crash start it again in ${NODE_LOST_AFTER_MS / 1000} s`,
    );
  }
  throw new LeptonError(
    'name_taken',
    `another node lives under the name "${name}", at ${live.heartbeat.url}: give this one another (--name), or stop or remove that one; one that crashed frees its name within ${NODE_LOST_AFTER_MS / 1000} s`,
  );
}

async function findToken({ db, now }: Gateway, secret: string): Promise<Token> {
  const hash = await hashSecret(secret);
  const valid = and(
    eq(nodeTokens.hash, hash),
    lt(nodeTokens.used, nodeTokens.uses),
    isNull(nodeTokens.revokedAt),
    gt(nodeTokens.expiresAt, now()),
  );
  const [token] = await db.select().from(nodeTokens).where(valid);
  if (token) return token;
  throw new LeptonError(
    'unauthenticated',
    'the join token is unknown, used up, revoked or expired: make a new one (POST /api/nodes/tokens)',
  );
}

/** @returns undefined when the token was used up, or the name taken or given up, since they were looked up */
async function tryJoin(gateway: Gateway, token: Token, issuer: string, input: Input): Promise<JoinAnswer | undefined> {
  const { db, now } = gateway;
  const [known] = await db.select({ id: nodes.id }).from(nodes).where(eq(nodes.name, input.name));
  const id = known?.id ?? newId('node');
  // The id of a node that was removed is not used again.
  const stillKnown = known ? sql`EXISTS (SELECT 1 FROM nodes WHERE id = ${id})` : sql`1`;
  const credential = newSecret('lnc');
  const at = now();
  const place = {
    url: input.url,
    issuer,
    publicKey: input.publicKey,
    region: input.region ?? null,
    labels: input.labels,
  };
  const key = {
    id: newId('key'),
    // NULL, and so an error that ends the batch, when the token was used up or revoked meanwhile, or the node removed.
    teamId: sql<string>`CASE WHEN EXISTS (SELECT 1 FROM node_tokens WHERE id = ${token.id} AND used < uses AND revoked_at IS NULL)
      AND ${stillKnown} THEN ${NODE_TEAM} END`,
    nodeId: id,
    name: `node ${input.name}`,
    prefix: prefixOf(credential),
    hash: await hashSecret(credential),
    scopes: ['node' as const],
    createdAt: at,
  };
  const actor = {
    gateway,
    principal: {
      keyId: token.createdBy,
      teamId: NODE_TEAM,
      scopes: new Set<never>(),
      nodeId: id,
      expiresAt: undefined,
    },
  };
  try {
    await db.batch([
      db
        .update(apiKeys)
        .set({ revokedAt: at })
        .where(and(eq(apiKeys.nodeId, id), isNull(apiKeys.revokedAt))),
      db.insert(apiKeys).values(key),
      db.update(nodeTokens).set({ used: sql`used + 1`, nodeId: id }).where(eq(nodeTokens.id, token.id)),
      db
        .insert(nodes)
        .values({ id, name: input.name, ...place, joinedAt: at })
        .onConflictDoUpdate({ target: nodes.id, set: { ...place, joinedAt: at } }),
      auditRow(actor, {
        actor: `node-token/${token.id}`,
        action: 'node.join',
        subject: `node/${id}`,
        detail: { name: input.name, url: input.url },
      }),
    ]);
  } catch (error) {
    if (isPreconditionFailure(error, 'api_keys.team_id') || isUniqueViolation(error, 'nodes.name')) return undefined;
    throw error;
  }
  return { id, credential, issuer };
}
