/** A request's way from the version it stands for: check → cache → single-flight → place → run. */
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
import type { KnownAnswer } from '../cache/response-cache.ts';
import type { Gateway } from '../context.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { isCacheable, notCached } from './cacheable.ts';
import { inTime } from './deadline.ts';
import { inferCached } from './infer-cached.ts';
import type { ModelCall } from './model-call.ts';
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
  /** Of an answer from the cache: how long ago it was computed. */
  ageMs?: number;
  /** Of one that is fresh there: as it is remembered, and its key. */
  hit?: { key: string; known: KnownAnswer };
}

/** @throws LeptonError saying what was expected and what came, or why nothing could run. */
export async function inferResolved(gateway: Gateway, call: InferCall, target: Resolved): Promise<InferAnswer> {
  const { timings, waitUntil } = call;
  const { version } = target;
  checkState(version);
  const request = completeRawInput(call.request, version.manifest.inputs);
  checkInputs(request.inputs, version.manifest.inputs);
  const asked = readPlacement(call.place ?? request.parameters?.placement);
  const outputs = outputNames(request, version.manifest.outputs);
  const schedule = scheduleOf(call, request.parameters);
  const { tracing, principal: payer } = call;
  const input: RunInput = { target, inputs: request.inputs, outputs, asked, schedule, tracing, payer };
  if (asked !== undefined || call.directives.noStore || !isCacheable(version)) {
    if (call.directives.onlyIfCached) throw notCached();
    const outcome = await inTime(schedule.deadline, () => run(gateway, input, timings, waitUntil));
    return { version, ...outcome, cache: 'bypass' };
  }
  return await inferCached(gateway, call, input);
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
