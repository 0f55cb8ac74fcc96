/** The part of a request's way where its answer may be known: this isolate's cache → the colo's → a run that identical requests share. */
import { keptSeconds, mayStandIn, useOf } from '../cache/freshness.ts';
import type { KnownAnswer } from '../cache/response-cache.ts';
import { responseKey } from '../cache/response-key.ts';
import type { Gateway } from '../context.ts';
import { cacheScope, isServersFault, isWorthSharing, notCached } from './cacheable.ts';
import { inTime } from './deadline.ts';
import type { InferAnswer, InferCall } from './infer.ts';
import { type RunInput, type RunOutcome, run } from './run.ts';
import { Timings } from './timings.ts';

/** @throws LeptonError as `run`, and `not_cached` where the request wants nothing computed */
export async function inferCached(gateway: Gateway, call: InferCall, input: RunInput): Promise<InferAnswer> {
  const { target } = input;
  const { version } = target;
  const key = await responseKey({
    scope: cacheScope(target, call.principal),
    versionDigest: version.digest,
    outputs: input.outputs,
    inputs: input.inputs,
  });
  const near = gateway.responses.get(key);
  const remembered = near && answerOf(gateway, call, input, key, near);
  if (remembered) return remembered;
  let known = near;
  if (!call.directives.noCache && gateway.colo.isOn && isWorthSharing(version)) {
    const asked = call.timings.measure('colo', () => gateway.sharedResponses.find(key, call.waitUntil));
    const found = await (input.schedule.deadline?.within(asked) ?? asked);
    // Meanwhile a run may have ended here.
    known = later(gateway.responses.get(key), found);
    const shared = known && answerOf(gateway, call, input, key, known);
    if (shared) return shared;
  }
  if (call.directives.onlyIfCached) throw notCached();
  return await compute(gateway, call, input, key, known);
}

/** A remembered answer, if it will do; one that is stale is made new behind it. */
function answerOf(
  gateway: Gateway,
  call: InferCall,
  input: RunInput,
  key: string,
  known: KnownAnswer,
): InferAnswer | undefined {
  const { version } = input.target;
  const ageMs = gateway.now() - known.storedAt;
  const use = useOf(ageMs, version.manifest.cache, call.directives);
  if (!use) return undefined;
  if (use === 'stale' && !call.directives.onlyIfCached) {
    call.waitUntil(refresh(gateway, call, input, key).catch(() => undefined));
  }
  const answer: InferAnswer = { version, outputs: known.outputs, placement: 'cache', cache: use, ageMs };
  return use === 'hit' ? { ...answer, hit: { key, known } } : answer;
}

/** @param known what may stand in where nothing can be computed now */
async function compute(
  gateway: Gateway,
  call: InferCall,
  input: RunInput,
  key: string,
  known: KnownAnswer | undefined,
): Promise<InferAnswer> {
  const { version } = input.target;
  const { deadline } = input.schedule;
  const work = () => runAndRemember(gateway, call, input, key);
  try {
    // What is to be computed anew is no run that began before, and nobody else's.
    if (call.directives.noCache) return { version, ...(await inTime(deadline, work)), cache: 'bypass' };
    const shared = () => call.timings.measure('shared', () => gateway.runs.run(key, work, call.waitUntil));
    const outcome = await inTime(deadline, shared);
    return { version, ...outcome, cache: 'miss' };
  } catch (error) {
    const ageMs = known && gateway.now() - known.storedAt;
    const mayStand = ageMs !== undefined && mayStandIn(ageMs, version.manifest.cache, call.directives);
    if (!known || !mayStand || !isServersFault(error)) throw error;
    return { version, outputs: known.outputs, placement: 'cache', cache: 'stale', ageMs };
  }
}

async function runAndRemember(
  gateway: Gateway,
  { timings, waitUntil }: Pick<InferCall, 'timings' | 'waitUntil'>,
  input: RunInput,
  key: string,
): Promise<RunOutcome> {
  const outcome = await run(gateway, input, timings, waitUntil);
  const answer = { outputs: outcome.outputs, storedAt: gateway.now() };
  gateway.responses.put(key, answer);
  const { version } = input.target;
  if (isWorthSharing(version)) {
    gateway.sharedResponses.put(key, answer, keptSeconds(version.manifest.cache), waitUntil);
  }
  return outcome;
}

/** Once at a time in the isolate, and not where another one has done it; nobody's deadline bounds it. */
async function refresh(gateway: Gateway, { waitUntil }: InferCall, input: RunInput, key: string): Promise<void> {
  if (gateway.runs.isUnderWay(key)) return;
  const { version } = input.target;
  if (isWorthSharing(version)) {
    const known = later(await gateway.sharedResponses.find(key, waitUntil), gateway.responses.get(key));
    if (known && useOf(gateway.now() - known.storedAt, version.manifest.cache, {}) === 'hit') return;
  }
  const own = { ...input, schedule: { ...input.schedule, deadline: undefined } };
  const work = () => runAndRemember(gateway, { timings: new Timings(), waitUntil }, own, key);
  await gateway.runs.run(key, work, waitUntil);
}

function later(a: KnownAnswer | undefined, b: KnownAnswer | undefined): KnownAnswer | undefined {
  return a && (!b || a.storedAt >= b.storedAt) ? a : b;
}
