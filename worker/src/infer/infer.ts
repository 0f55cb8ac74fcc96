/** A request's way: resolve → check → cache → single-flight → place → run. */
import {
  type CacheStatus,
  checkInputs,
  completeRawInput,
  type InferRequest,
  LeptonError,
  outputNames,
  type Placement,
  type Tensor,
} from '@lepton-edge/protocol';
import { responseKey } from '../cache/response-key.ts';
import type { Gateway, Principal } from '../context.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { inTime } from './deadline.ts';
import { answerCall, type ModelCall } from './model-call.ts';
import { type RunInput, run } from './run.ts';
import { scheduleOf } from './schedule.ts';

export interface InferCall extends ModelCall {
  /** Its parameters `placement`, `timeout` and `priority` say the same as headers. */
  request: InferRequest;
}

export interface InferAnswer {
  version: KnownVersion;
  outputs: readonly Tensor[];
  placement: Placement;
  cache: CacheStatus;
}

/** @throws LeptonError saying what was expected and what came, or why nothing could run. */
export async function infer(gateway: Gateway, call: InferCall): Promise<InferAnswer> {
  return await answerCall(gateway, call, (target) => answerOf(gateway, call, target));
}

async function answerOf(gateway: Gateway, call: InferCall, target: Resolved): Promise<InferAnswer> {
  const { timings, waitUntil } = call;
  const { version } = target;
  checkState(version);
  const request = completeRawInput(call.request, version.manifest.inputs);
  checkInputs(request.inputs, version.manifest.inputs);
  const asked = readPlacement(call.place ?? request.parameters?.placement);
  const outputs = outputNames(request, version.manifest.outputs);
  const schedule = scheduleOf(call, request.parameters);
  const input: RunInput = { target, inputs: request.inputs, outputs, asked, schedule, tracing: call.tracing };
  if (asked !== undefined || !isCacheable(version)) {
    const outcome = await inTime(schedule.deadline, () => run(gateway, input, timings, waitUntil));
    return { version, ...outcome, cache: 'bypass' };
  }
  return await inferCached(gateway, call, target, input);
}

async function inferCached(gateway: Gateway, call: InferCall, target: Resolved, input: RunInput): Promise<InferAnswer> {
  const { version } = target;
  const { cache } = version.manifest;
  const key = await responseKey({
    scope: cacheScope(target, call.principal),
    versionDigest: version.digest,
    outputs: input.outputs,
    inputs: input.inputs,
  });
  const known = gateway.responses.get(key);
  if (known) return { version, outputs: known, placement: 'cache', cache: 'hit' };
  const work = async () => {
    const outcome = await run(gateway, input, call.timings, call.waitUntil);
    gateway.responses.put(key, outcome.outputs, cache.ttlSeconds);
    return outcome;
  };
  const shared = () => call.timings.measure('shared', () => gateway.runs.run(key, work, call.waitUntil));
  const outcome = await inTime(input.schedule.deadline, shared);
  return { version, ...outcome, cache: 'miss' };
}

/** Who shares an answer. */
export function cacheScope({ model, version }: Resolved, { teamId }: Principal): string {
  return version.manifest.cache.scope === 'shared' ? model.id : teamId;
}

export function isCacheable({ manifest, deterministic }: KnownVersion): boolean {
  return !manifest.stateful && deterministic && manifest.cache.ttlSeconds > 0;
}

/** @throws LeptonError unless the version is ready */
export function checkState(version: KnownVersion): void {
  const name = `${version.model}@${version.version}`;
  const why = version.reason ? `: ${version.reason}` : '';
  if (version.state === 'admitting') {
    throw new LeptonError('version_admitting', `${name} is still being admitted`, { retryAfterSeconds: 2 });
  }
  if (version.state !== 'ready') throw new LeptonError('version_not_found', `${name} is ${version.state}${why}`);
}

/** @throws LeptonError `invalid_request` */
export function readPlacement(asked: unknown): 'edge' | 'node' | undefined {
  if (asked === undefined || asked === 'edge' || asked === 'node') return asked;
  throw new LeptonError('invalid_request', `placement: expected "edge" or "node", got ${JSON.stringify(asked)}`);
}
