/** Aliases and their revisions as they go over the wire. */
import { type Alias, type AliasRevision, LeptonError } from '@lepton-edge/protocol';
import type { aliases, aliasHistory } from '../../db/schema.ts';

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

export function toRevision(model: string, row: typeof aliasHistory.$inferSelect): AliasRevision {
  return {
    model,
    alias: row.alias,
    revision: row.revision,
    targets: row.targets,
    reason: row.reason,
    createdAt: new Date(row.createdAt).toISOString(),
    createdBy: row.createdBy,
  };
}

export function aliasNotFound(model: string, alias: string): LeptonError {
  return new LeptonError('alias_not_found', `model "${model}" has no alias ${JSON.stringify(alias)}`);
}
