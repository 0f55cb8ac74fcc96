/**
 * The admission chore: takes versions that are being admitted further, step by step: a trial on a node, one at the edge,
 * the decision. Where each stands is in the database, so that what is interrupted goes on with the same step.
 */
import type { Admission, Manifest, TensorSpec, TrialFailure } from '@lepton-edge/protocol';
import { and, asc, eq, lte, sql } from 'drizzle-orm';
import type { Gateway } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { admissions, artifacts, type ControlFlow, models, versions } from '../../db/schema.ts';
import { isHeard, isWilling } from '../../hubs/live-node.ts';
import { log } from '../../log.ts';
import { signatureOf, tryAtEdge } from './edge-trial.ts';
import { tryOnNode } from './node-trial.ts';
import { edgeExcluded, edgeUnbounded, settle } from './settle.ts';

/** A step that fails for reasons of ours is tried again, so often, and then left out. */
const MAX_ATTEMPTS = 5;
const FIRST_RETRY_MS = 1_000;
const GIVEN_UP =
  'its admission was given up after several tries: upload it again, and tell the operator if that ends so, too';
/** As inspection bounds a signature. */
const MAX_TENSORS = 2_048;
const MAX_MESSAGE_LENGTH = 2_000;
const POLL_MS = 500;
/** An alarm may take 15 minutes; what is left then waits for the next. */
const WORK_MS = 5 * 60_000;

/** A version in admission, with all that a step needs. */
interface Candidate {
  id: string;
  step: 'node' | 'edge' | 'decide';
  attempts: number;
  controlFlow: ControlFlow;
  model: string;
  teamId: string;
  version: number;
  digest: string;
  manifest: Manifest;
  admission: Admission;
  objectKey: string;
}

/** What a step leads to: the next one, the same one later, or the end. */
type Progress =
  | { next: 'edge' | 'decide'; found: Partial<Admission>; signature?: { inputs: TensorSpec[]; outputs: TensorSpec[] } }
  | { again: number; failed: boolean }
  | { end: ReturnType<typeof settle> };

/** @returns when the next step is due, in ms since 1970; undefined when nothing is in admission */
export async function stepAdmissions(gateway: Gateway): Promise<number | undefined> {
  const { db, now } = gateway;
  const until = now() + WORK_MS;
  while (now() < until) {
    const candidate = await nextCandidate(gateway);
    if (!candidate) break;
    await advance(gateway, candidate);
  }
  const [first] = await db
    .select({ time: admissions.notBefore })
    .from(admissions)
    .orderBy(asc(admissions.notBefore))
    .limit(1);
  return first?.time;
}

/**
 * One step. That it is tried is written before, so that a version whose step cannot be kept, or ends the isolate, is left
 * for others after a while, and given up after some tries.
 */
async function advance(gateway: Gateway, candidate: Candidate): Promise<void> {
  const { db, now } = gateway;
  if (candidate.attempts >= MAX_ATTEMPTS) {
    return await end(gateway, candidate, { state: 'rejected', reason: GIVEN_UP, admission: undefined });
  }
  await db
    .update(admissions)
    .set({ attempts: candidate.attempts + 1, notBefore: now() + FIRST_RETRY_MS * 2 ** candidate.attempts })
    .where(eq(admissions.versionId, candidate.id));
  const progress = await take(gateway, candidate);
  try {
    await keep(gateway, candidate, progress);
  } catch (error) {
    logFailure(candidate, error);
  }
}

/**
 * The first version of every team goes before the second of any. Places are counted in one pass: counting for each version
 * those before it takes half a second where a thousand wait.
 */
async function nextCandidate({ db, now }: Gateway): Promise<Candidate | undefined> {
  const place = sql<number>`ROW_NUMBER() OVER (PARTITION BY ${models.teamId} ORDER BY ${admissions.versionId})`;
  const queue = db.$with('queue').as(
    db
      .select({ versionId: admissions.versionId, place: place.as('place') })
      .from(admissions)
      .innerJoin(versions, eq(versions.id, admissions.versionId))
      .innerJoin(models, eq(models.id, versions.modelId)),
  );
  const [row] = await db
    .with(queue)
    .select({ admission: admissions, version: versions, model: models, objectKey: artifacts.key })
    .from(admissions)
    .innerJoin(queue, eq(queue.versionId, admissions.versionId))
    .innerJoin(versions, eq(versions.id, admissions.versionId))
    .innerJoin(models, eq(models.id, versions.modelId))
    // The model's own file is the first.
    .innerJoin(artifacts, sql`artifacts.digest = versions.manifest ->> '$.files[0].digest'`)
    .where(lte(admissions.notBefore, now()))
    .orderBy(asc(queue.place), asc(admissions.notBefore), asc(admissions.versionId))
    .limit(1);
  if (!row) return undefined;
  const { step, attempts, controlFlow } = row.admission;
  const { id, version, digest, manifest, admission } = row.version;
  const { name: model, teamId } = row.model;
  const found = admission ?? { edgeEligible: false, notes: [] };
  return {
    id,
    step,
    attempts,
    controlFlow,
    model,
    teamId,
    version,
    digest,
    manifest,
    admission: found,
    objectKey: row.objectKey,
  };
}

async function take(gateway: Gateway, candidate: Candidate): Promise<Progress> {
  try {
    switch (candidate.step) {
      case 'node':
        return await nodeStep(gateway, candidate);
      case 'edge':
        return await edgeStep(gateway, candidate);
      case 'decide':
        return { end: settle(candidate.admission, candidate.manifest, candidate) };
    }
  } catch (error) {
    logFailure(candidate, error);
    if (candidate.attempts + 1 < MAX_ATTEMPTS) {
      return { again: gateway.now() + FIRST_RETRY_MS * 2 ** candidate.attempts, failed: true };
    }
    const where = candidate.step === 'node' ? 'on a node' : 'at the edge';
    const notes = [...candidate.admission.notes, `it was not tried ${where}: the trial could not be made`];
    return { next: candidate.step === 'node' ? 'edge' : 'decide', found: { notes } };
  }
}

async function nodeStep(gateway: Gateway, candidate: Candidate): Promise<Progress> {
  const { manifest, admission } = candidate;
  const regions = manifest.placement.regions;
  const nodes = (await gateway.fleet.list()).filter(
    (node) => isHeard(node) && isWilling(node) && (!regions || (node.region !== null && regions.includes(node.region))),
  );
  // Another node at each new attempt.
  const node = nodes[candidate.attempts % Math.max(1, nodes.length)];
  if (!node) {
    const notes = [...admission.notes, 'it was not tried on a node: none was there'];
    return { next: 'edge', found: { notes } };
  }
  const answer = await tryOnNode(gateway, node, candidate);
  if (answer.state === 'working') return { again: gateway.now() + POLL_MS, failed: false };
  // Another node may be larger.
  if (answer.state === 'failed' && answer.failure.kind === 'memory' && candidate.attempts + 1 < nodes.length) {
    return { again: gateway.now(), failed: true };
  }
  if (answer.state === 'failed') return { next: 'edge', found: { nodeFailure: clipped(answer.failure) } };
  const strange = checkSignature(answer);
  if (strange) return { next: 'edge', found: { nodeFailure: strange } };
  return { next: 'edge', found: { node: answer.report }, signature: answer };
}

async function edgeStep({ trial, now }: Gateway, candidate: Candidate): Promise<Progress> {
  const { manifest, admission, digest, objectKey } = candidate;
  const reason = edgeExcluded(manifest) ?? edgeUnbounded(admission, candidate);
  if (reason !== undefined) return { next: 'decide', found: {} };
  // Only these are bounded: by the run that ended on a node, or by what the file tells.
  const shapes = admission.node?.shapes ?? admission.multiplyAddsAt;
  const outcome = await tryAtEdge(trial, { digest, objectKey }, manifest, shapes, now);
  if (!outcome.ok) return { next: 'decide', found: { edgeFailure: clipped(outcome.failure) } };
  const strange = checkSignature(outcome);
  if (strange) return { next: 'decide', found: { edgeFailure: strange } };
  return { next: 'decide', found: { edge: outcome.report }, signature: outcome };
}

/** A signature that no inspection has seen is bounded as inspection bounds others. */
function checkSignature({
  inputs,
  outputs,
}: {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
}): TrialFailure | undefined {
  const specs = [...inputs, ...outputs];
  const isPlain =
    specs.length <= MAX_TENSORS && specs.every(({ name, shape }) => name.length <= 256 && shape.length <= 16);
  if (isPlain) return undefined;
  return { kind: 'load', message: `it has ${specs.length} inputs and outputs, or one of a name or rank beyond bounds` };
}

/** ONNX Runtime's sentences quote the model, which may say anything at any length. */
function clipped({ kind, message }: TrialFailure): TrialFailure {
  return { kind, message: message.slice(0, MAX_MESSAGE_LENGTH) };
}

function logFailure(candidate: Candidate, error: unknown): void {
  const { step } = candidate;
  log({ level: 'error', admission: nameOf(candidate), step, error: String(error).slice(0, MAX_MESSAGE_LENGTH) });
}

/** Writes where a version stands now. A version that was deleted meanwhile is not there to be written. */
async function keep(gateway: Gateway, candidate: Candidate, progress: Progress): Promise<void> {
  const { db, now } = gateway;
  const thisVersion = and(eq(versions.id, candidate.id), eq(versions.state, 'admitting'));
  const thisAdmission = eq(admissions.versionId, candidate.id);
  if ('again' in progress) {
    const attempts = candidate.attempts + (progress.failed ? 1 : 0);
    await db.update(admissions).set({ notBefore: progress.again, attempts }).where(thisAdmission);
    return;
  }
  if ('next' in progress) {
    const admission = { ...candidate.admission, ...progress.found };
    const manifest = progress.signature ? signatureOf(candidate.manifest, progress.signature) : candidate.manifest;
    await db.batch([
      db.update(versions).set({ admission, manifest }).where(thisVersion),
      db.update(admissions).set({ step: progress.next, attempts: 0, notBefore: now() }).where(thisAdmission),
    ]);
    return;
  }
  await end(gateway, candidate, progress.end);
}

interface End {
  state: 'ready' | 'rejected';
  reason?: string;
  /** Undefined: as it is. */
  admission: Admission | undefined;
}

async function end(gateway: Gateway, candidate: Candidate, { state, reason, admission }: End): Promise<void> {
  const { db } = gateway;
  const thisVersion = and(eq(versions.id, candidate.id), eq(versions.state, 'admitting'));
  const principal = {
    keyId: 'gateway',
    teamId: candidate.teamId,
    scopes: new Set<never>(),
    nodeId: undefined,
    expiresAt: undefined,
  };
  const over = db.delete(admissions).where(eq(admissions.versionId, candidate.id));
  try {
    await db.batch([
      auditRow(
        { gateway, principal },
        {
          action: `version.${state}`,
          subject: `version/${nameOf(candidate)}`,
          model: candidate.model,
          detail: reason === undefined ? {} : { reason },
          requires: sql`EXISTS (SELECT 1 FROM versions WHERE id = ${candidate.id} AND state = 'admitting')`,
        },
      ),
      db
        .update(versions)
        .set({ state, reason: reason ?? null, ...(admission ? { admission } : {}) })
        .where(thisVersion),
      over,
    ]);
  } catch (error) {
    if (!isRefused(error)) throw error;
    // Deleted meanwhile: nothing became of it.
    await over;
    return;
  }
  gateway.directory.forgetModel(candidate.model);
  await gateway.janitors.wake('audit', 2_000);
}

function nameOf({ model, version }: Candidate): string {
  return `${model}@${version}`;
}
