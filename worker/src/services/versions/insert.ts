/** Writes a version to the registry: whole or not at all, under the next number of its model. */
import { type Admission, LeptonError, type Manifest, type Version } from '@lepton-edge/protocol';
import canonicalize from 'canonicalize';
import { and, eq, sql } from 'drizzle-orm';
import type { BatchItem } from 'drizzle-orm/batch';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { isForeignKeyViolation } from '../../db/database.ts';
import { newId } from '../../db/ids.ts';
import { admissions, type ControlFlow, models, versionFiles, versions } from '../../db/schema.ts';
import { signatureOf } from '../admission/edge-trial.ts';
import { edgeExcluded, edgeUnbounded, settle } from '../admission/settle.ts';
import { findOwnModel } from '../models/find.ts';
import { admittingWithin, isOverLimit, tooManyAdmitting } from './admitting-limit.ts';
import type { StaticFindings } from './static-check.ts';
import { versionDigest } from './version-digest.ts';
import { toVersion } from './wire.ts';

/** A row of D1 holds 2 MB, the report is in it, too, and a list has many of them. */
const MAX_MANIFEST_BYTES = 256 * 1024;

/**
 * A version whose digest was measured before takes over the measures and is ready at once; any other is left to admission.
 * @param before statements that make its files referable, for the front of the batch
 * @throws LeptonError `model_invalid` for a manifest of more than 256 KiB, `blob_not_found` when a file was collected meanwhile, `model_not_found`,
 * `overloaded` when the team has too many in admission
 */
export async function insertVersion(
  ctx: ServiceContext,
  model: { id: string; name: string; teamId: string },
  { manifest: stated, report, controlFlow }: StaticFindings,
  before: readonly BatchItem<'sqlite'>[],
): Promise<Version> {
  const { db, directory, janitors, now } = ctx.gateway;
  checkSize(stated);
  const id = newId('ver');
  const at = now();
  const digest = await versionDigest(stated);
  const known = await measuredBefore(ctx, model.teamId, stated, digest);
  const manifest = known ? signatureOf(stated, known.signature) : stated;
  const measures: Admission = {
    ...report,
    edgeEligible: false,
    edgeReason: 'it is still being admitted',
    ...known?.measures,
  };
  const settled =
    known && isMeasured(measures, manifest, controlFlow) ? settle(measures, manifest, { controlFlow }) : undefined;
  const row = {
    id,
    modelId: model.id,
    state: settled?.state ?? admittingWithin(ctx.gateway, model.teamId),
    reason: settled?.reason ?? null,
    digest,
    sizeBytes: manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0),
    manifest,
    admission: settled?.admission ?? measures,
    createdAt: at,
    createdBy: ctx.principal.keyId,
  };
  const number = sql`(SELECT COALESCE(MAX(version), 0) + 1 FROM versions WHERE model_id = ${model.id})`;
  const statements: BatchItem<'sqlite'>[] = [
    ...before,
    db.insert(versions).values({ ...row, version: number }),
    ...fileRows(ctx, id, manifest.files),
    ...(settled ? [] : [db.insert(admissions).values({ versionId: id, step: 'node', controlFlow, notBefore: at })]),
    auditRow(ctx, {
      action: 'version.create',
      subject: `model/${model.name}`,
      model: model.name,
      team: model.teamId,
      detail: sql`(SELECT json_object('version', version, 'digest', digest) FROM versions WHERE id = ${id})`,
    }),
  ];
  try {
    await db.batch(statements as [BatchItem<'sqlite'>]);
  } catch (cause) {
    if (isOverLimit(cause)) throw tooManyAdmitting(ctx.gateway);
    if (!isForeignKeyViolation(cause)) throw cause;
    await findOwnModel(ctx, model.name);
    throw new LeptonError('blob_not_found', 'a file of this version was collected meanwhile: upload it again', {
      cause,
    });
  }
  directory.forgetModel(model.name);
  if (!settled) ctx.waitUntil(janitors.wake('admission'));
  const [inserted] = await db.select().from(versions).where(eq(versions.id, id));
  if (!inserted) throw new Error(`version ${id} was written and cannot be read back`);
  return toVersion(model.name, inserted);
}

/** @throws LeptonError `model_invalid` for a manifest that the registry cannot keep in a row */
function checkSize(manifest: Manifest): void {
  const { byteLength } = new TextEncoder().encode(JSON.stringify(manifest));
  if (byteLength <= MAX_MANIFEST_BYTES) return;
  throw new LeptonError(
    'model_invalid',
    `the manifest is ${byteLength} bytes of JSON, at most ${MAX_MANIFEST_BYTES} are kept: give long labels as a file (labels.path)`,
  );
}

/** Whether nothing is left to try: an earlier version of another policy may never have been tried at the edge. */
function isMeasured(measures: Admission, manifest: Manifest, controlFlow: ControlFlow): boolean {
  if (measures.edge || measures.edgeFailure) return true;
  return edgeExcluded(manifest) !== undefined || edgeUnbounded(measures, { controlFlow }) !== undefined;
}

/** What of a manifest decides on its trial beside the digest. */
function triedWith({ trial, batching, placement }: Manifest): string | undefined {
  return canonicalize(JSON.parse(JSON.stringify({ trial, axes: batching?.axes, policy: placement.policy })));
}

/** A row takes three parameters, a statement at most 100. */
function fileRows(
  { gateway: { db } }: ServiceContext,
  versionId: string,
  files: readonly { path: string; digest: string }[],
) {
  const rows = files.map(({ path, digest }) => ({ versionId, path, digest }));
  return Array.from({ length: Math.ceil(rows.length / 30) }, (_, i) =>
    db.insert(versionFiles).values(rows.slice(i * 30, i * 30 + 30)),
  );
}

/**
 * The measures of a version with the same digest, and so the same bytes: of the same team and tried with the same, so that
 * nobody decides what another's version is found to be, nor learns that somebody has it.
 */
async function measuredBefore({ gateway: { db } }: ServiceContext, teamId: string, stated: Manifest, digest: string) {
  const [found] = await db
    .select({ admission: versions.admission, manifest: versions.manifest })
    .from(versions)
    .innerJoin(models, eq(models.id, versions.modelId))
    .where(
      and(
        eq(versions.digest, digest),
        eq(models.teamId, teamId),
        eq(versions.state, 'ready'),
        sql`(versions.admission ->> '$.edge' IS NOT NULL OR versions.admission ->> '$.node' IS NOT NULL)`,
      ),
    )
    .limit(1);
  if (!found?.admission || triedWith(found.manifest) !== triedWith(stated)) return undefined;
  const { edge, edgeFailure, node, nodeFailure, notes } = found.admission;
  const { inputs, outputs } = found.manifest;
  return { measures: { edge, edgeFailure, node, nodeFailure, notes }, signature: { inputs, outputs } };
}
