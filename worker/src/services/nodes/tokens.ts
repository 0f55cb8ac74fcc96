/** Makes one-time tokens by which a node joins. */
import type { NodeToken } from '@lepton-edge/protocol';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { newId } from '../../db/ids.ts';
import { nodeTokens } from '../../db/schema.ts';
import { hashSecret, newSecret } from '../../db/secrets.ts';

const TOKEN_LIFETIME_MS = 60 * 60 * 1000;

export async function createNodeToken(ctx: ServiceContext): Promise<NodeToken> {
  const { gateway, principal } = ctx;
  const token = newSecret('lnt');
  const at = gateway.now();
  const row = {
    id: newId('tok'),
    hash: await hashSecret(token),
    createdAt: at,
    createdBy: principal.keyId,
    expiresAt: at + TOKEN_LIFETIME_MS,
  };
  await gateway.db.batch([
    gateway.db.insert(nodeTokens).values(row),
    auditRow(ctx, { action: 'node-token.create', subject: `node-token/${row.id}` }),
  ]);
  return { id: row.id, token, expiresAt: new Date(row.expiresAt).toISOString() };
}
