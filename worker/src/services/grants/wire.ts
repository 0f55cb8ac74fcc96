/** A grant's row as it goes over the wire. */
import type { Grant } from '@lepton-edge/protocol';
import type { grants } from '../../db/schema.ts';

export function toGrant(model: string, row: typeof grants.$inferSelect): Grant {
  return {
    model,
    team: row.teamId,
    access: row.access,
    createdAt: new Date(row.createdAt).toISOString(),
    createdBy: row.createdBy,
  };
}
