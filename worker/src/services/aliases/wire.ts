/** An alias's row as it goes over the wire. */
import type { Alias } from '@lepton-edge/protocol';
import type { aliases } from '../../db/schema.ts';

export function toAlias(model: string, row: Omit<typeof aliases.$inferSelect, 'modelId'>): Alias {
  return {
    model,
    alias: row.alias,
    revision: row.revision,
    targets: row.targets,
    protected: row.protected,
    reason: row.reason,
    updatedAt: new Date(row.updatedAt).toISOString(),
    updatedBy: row.updatedBy,
  };
}
