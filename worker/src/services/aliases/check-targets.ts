/** Checks that an alias may point at versions; the move itself checks again that they are ready when it is written. */
import { type AliasTarget, LeptonError } from '@lepton-edge/protocol';
import { and, eq, inArray } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { versions } from '../../db/schema.ts';

/** @throws LeptonError `version_not_found` or `version_not_ready`, naming the version */
export async function checkTargets(
  { gateway }: ServiceContext,
  model: { id: string; name: string },
  targets: readonly AliasTarget[],
): Promise<void> {
  const numbers = targets.map((target) => target.version);
  const rows = await gateway.db
    .select({ version: versions.version, state: versions.state })
    .from(versions)
    .where(and(eq(versions.modelId, model.id), inArray(versions.version, numbers)));
  for (const number of numbers) {
    const row = rows.find(({ version }) => version === number);
    if (!row) throw new LeptonError('version_not_found', `model "${model.name}" has no version ${number}`);
    if (row.state !== 'ready') {
      throw new LeptonError(
        'version_not_ready',
        `version ${number} of "${model.name}" is ${row.state}, expected ready`,
      );
    }
  }
}
