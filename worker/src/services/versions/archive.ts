/** Archives a version: it runs no more and no alias may point at it; its record and its files stay. */
import { LeptonError, type Version } from '@lepton-edge/protocol';
import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { versions } from '../../db/schema.ts';
import { findOwnModel } from '../models/find.ts';
import { toVersion } from './wire.ts';

/** How often it is looked at again when the version or an alias changed meanwhile. */
const ATTEMPTS = 3;

/**
 * One that is archived already is left as it is.
 * @throws LeptonError `model_not_found`, `missing_scope`, `version_not_found`, `version_not_ready` while it is in
 * admission, `version_in_use` while an alias points at it
 */
export async function archiveVersion(
  ctx: ServiceContext,
  modelName: string,
  number: number,
  { reason }: { reason: string },
): Promise<Version> {
  const model = await findOwnModel(ctx, modelName);
  const { db, directory } = ctx.gateway;
  const one = and(eq(versions.modelId, model.id), eq(versions.version, number));
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const [row] = await db.select().from(versions).where(one);
    if (!row) throw new LeptonError('version_not_found', `model "${modelName}" has no version ${number}`);
    if (row.state === 'archived') return toVersion(modelName, row);
    if (row.state === 'admitting') {
      throw new LeptonError(
        'version_not_ready',
        `version ${number} of "${modelName}" is in admission, expected ready or rejected: wait until it is decided`,
      );
    }
    const users = await aliasesAt(ctx, model.id, number);
    if (users.length > 0) throw inUse(modelName, number, users);
    try {
      const [, rows] = await db.batch([
        auditRow(ctx, {
          action: 'version.archive',
          subject: `model/${modelName}`,
          model: modelName,
          team: model.teamId,
          detail: { version: number, was: row.state, reason },
          requires: sql`EXISTS (SELECT 1 FROM versions WHERE id = ${row.id} AND state = ${row.state})
            AND NOT EXISTS (${pointing(model.id, number)})`,
        }),
        db.update(versions).set({ state: 'archived', reason }).where(one).returning(),
      ]);
      directory.forgetModel(modelName);
      directory.forgetVersion(model.id, number);
      if (rows[0]) return toVersion(modelName, rows[0]);
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
  }
  throw inUse(modelName, number, []);
}

/** The aliases that point at a version. */
function pointing(modelId: string, number: number): SQL {
  return sql`SELECT alias FROM aliases, json_each(aliases.targets) AS target
    WHERE aliases.model_id = ${modelId} AND target.value ->> 'version' = ${number}`;
}

async function aliasesAt({ gateway }: ServiceContext, modelId: string, number: number): Promise<string[]> {
  const rows = await gateway.db.all<{ alias: string }>(pointing(modelId, number));
  return rows.map(({ alias }) => alias);
}

function inUse(model: string, number: number, users: string[]): LeptonError {
  const by = users.length > 0 ? users.map((alias) => `alias "${alias}"`).join(', ') : 'an alias that is being moved';
  return new LeptonError(
    'version_in_use',
    `version ${number} of "${model}" is in use by ${by}: move it to another version first`,
  );
}
