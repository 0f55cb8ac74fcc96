/** A node joins: it shows a one-time token, proves its address, and gets an id and a credential. */
import { type JoinAnswer, type JoinInput, LeptonError } from '@lepton-edge/protocol';
import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { Gateway } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { isPreconditionFailure } from '../../db/database.ts';
import { newId } from '../../db/ids.ts';
import { apiKeys, nodes, nodeTokens } from '../../db/schema.ts';
import { hashSecret, newSecret, prefixOf } from '../../db/secrets.ts';
import { verifyAddress } from './verify-address.ts';

/** Credentials of nodes belong to this team; their scope `node` gives them nothing else. */
const NODE_TEAM = 'team_default';

/**
 * A name that is taken is taken over: the token was given by an administrator, and the earlier credential ends.
 * @throws LeptonError `unauthenticated` for a token that is unknown, used or expired; `node_unverified`
 */
export async function joinNode(
  gateway: Gateway,
  origin: string,
  input: z.output<typeof JoinInput>,
): Promise<JoinAnswer> {
  const { db, now } = gateway;
  const issuer = gateway.settings.publicUrl ?? origin;
  const hash = await hashSecret(input.token);
  const valid = and(eq(nodeTokens.hash, hash), isNull(nodeTokens.nodeId), gt(nodeTokens.expiresAt, now()));
  const [token] = await db.select().from(nodeTokens).where(valid);
  if (!token) throw badToken();
  await verifyAddress(gateway, input.url, issuer, input.publicKey);

  const [known] = await db.select({ id: nodes.id }).from(nodes).where(eq(nodes.name, input.name));
  const id = known?.id ?? newId('node');
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
    // NULL, and so an error that ends the batch, when another join has used the token meanwhile.
    teamId: sql<string>`CASE WHEN EXISTS (SELECT 1 FROM node_tokens WHERE id = ${token.id} AND node_id IS NULL) THEN ${NODE_TEAM} END`,
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
      db.update(nodeTokens).set({ nodeId: id }).where(eq(nodeTokens.id, token.id)),
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
    if (isPreconditionFailure(error, 'api_keys.team_id')) throw badToken();
    throw error;
  }
  return { id, credential, issuer };
}

function badToken(): LeptonError {
  return new LeptonError(
    'unauthenticated',
    'the join token is unknown, used or expired: make a new one (POST /api/nodes/tokens)',
  );
}
