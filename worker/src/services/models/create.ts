/** Makes a model: a name for versions to come. */
import { type CreateModelInput, LeptonError, type Model } from '@lepton-edge/protocol';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { isUniqueViolation } from '../../db/database.ts';
import { newId } from '../../db/ids.ts';
import { models } from '../../db/schema.ts';
import { findTeam } from '../teams/find.ts';
import { toModel } from './wire.ts';

/** @throws LeptonError `name_taken`, `team_not_found`, or `missing_scope` when another team is named without `admin`. */
export async function createModel(ctx: ServiceContext, input: z.output<typeof CreateModelInput>): Promise<Model> {
  const { gateway, principal } = ctx;
  const row = {
    id: newId('mdl'),
    name: input.name,
    teamId: await ownerOf(ctx, input.team),
    task: input.task,
    description: input.description ?? null,
    visibility: input.visibility,
    labels: input.labels ?? {},
    createdAt: gateway.now(),
    createdBy: principal.keyId,
  };
  try {
    await gateway.db.batch([
      gateway.db.insert(models).values(row),
      auditRow(ctx, {
        action: 'model.create',
        subject: `model/${row.name}`,
        model: row.name,
        team: row.teamId,
        detail: { team: row.teamId, task: row.task, visibility: row.visibility },
      }),
    ]);
  } catch (cause) {
    if (isUniqueViolation(cause, 'models.name')) {
      throw new LeptonError('name_taken', `a model is named "${row.name}" already: names are global in a gateway`);
    }
    throw cause;
  }
  gateway.directory.forgetModel(row.name);
  return toModel(row, null);
}

async function ownerOf(ctx: ServiceContext, team: string | undefined): Promise<string> {
  if (team === undefined) return ctx.principal.teamId;
  if (team === ctx.principal.teamId) return team;
  if (!ctx.principal.scopes.has('admin')) {
    throw new LeptonError('missing_scope', 'team: only a key with scope "admin" may name another team than its own');
  }
  return (await findTeam(ctx, team)).id;
}
