/** A model's row as it goes over the wire. */
import type { Model } from '@lepton-edge/protocol';
import type { models } from '../../db/schema.ts';

export function toModel(row: typeof models.$inferSelect, latestVersion: number | null): Model {
  return {
    name: row.name,
    task: row.task,
    ...(row.description === null ? {} : { description: row.description }),
    visibility: row.visibility,
    labels: row.labels,
    team: row.teamId,
    ...(latestVersion === null ? {} : { latestVersion }),
    createdAt: new Date(row.createdAt).toISOString(),
    createdBy: row.createdBy,
  };
}
