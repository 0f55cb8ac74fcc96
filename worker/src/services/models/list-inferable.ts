/** The models a key may call, and their versions: what inference clients list. */
import type { VersionState } from '@lepton-edge/protocol';
import { and, asc, desc, eq, inArray } from 'drizzle-orm';
import type { Gateway, Principal } from '../../context.ts';
import { models, teams, versions } from '../../db/schema.ts';
import { permitted } from '../access.ts';

/** The protocols know no pages, so a list ends here. */
const MAX_LISTED = 10_000;

export interface InferableModel {
  name: string;
  team: string;
  /** In ms since 1970. */
  createdAt: number;
}

/**
 * By name.
 * @param name only this one
 */
export async function listInferable({ db }: Gateway, principal: Principal, name?: string): Promise<InferableModel[]> {
  return await db
    .select({ name: models.name, team: teams.name, createdAt: models.createdAt })
    .from(models)
    .innerJoin(teams, eq(teams.id, models.teamId))
    .where(and(permitted(db, principal, 'infer'), name === undefined ? undefined : eq(models.name, name)))
    .orderBy(asc(models.name))
    .limit(MAX_LISTED);
}

interface InferableVersion {
  model: string;
  version: number;
  state: VersionState;
  reason: string | null;
}

/** By name and number; archived ones are left out. */
export async function listInferableVersions(
  { db }: Gateway,
  principal: Principal,
  states: readonly VersionState[],
): Promise<InferableVersion[]> {
  return await db
    .select({ model: models.name, version: versions.version, state: versions.state, reason: versions.reason })
    .from(versions)
    .innerJoin(models, eq(models.id, versions.modelId))
    .where(and(permitted(db, principal, 'infer'), inArray(versions.state, [...states])))
    .orderBy(asc(models.name), asc(versions.version))
    .limit(MAX_LISTED);
}

/** The numbers of a model's ready versions, in order; of very many the newest. */
export async function listReady({ db }: Gateway, modelId: string): Promise<number[]> {
  const rows = await db
    .select({ version: versions.version })
    .from(versions)
    .where(and(eq(versions.modelId, modelId), eq(versions.state, 'ready')))
    .orderBy(desc(versions.version))
    .limit(1_000);
  return rows.map(({ version }) => version).reverse();
}
