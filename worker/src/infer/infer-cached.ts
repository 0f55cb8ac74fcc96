/** The part of a request's way where its answer may be known: this isolate's cache → the colo's → a run that identical requests share. */
import { keptSeconds, mayStandIn, useOf } from '../cache/freshness.ts';
import type { KnownAnswer } from '../cache/response-cache.ts';
import { responseKey } from '../cache/response-key.ts';
import type { Gateway } from '../context.ts';
import type { Resolved } from '../services/directory.ts';
import { cacheScope, isServersFault, isWorthSharing, notCached } from './cacheable.ts';
import { inTime } from './deadline.ts';
import type { InferAnswer, InferCall } from './infer.ts';
import { type RunInput, type RunOutcome, run } from './run.ts';
import { Timings } from './timings.ts';

/** @throws LeptonError as `run`, and `not_cached` where the request wants nothing computed */
export async function inferCached(
  gateway: Gateway,
  call: InferCall,
  target: Resolved,
  input: RunInput,
): Promise<InferAnswer> {
  const { version } = target;
  const policy = version.manifest.cache;
  const { directives } = call;
  const key = await responseKey({
    scope: cacheScope(target, call.principal),
    versionDigest: version.digest,
    outputs: input.outputs,
    inputs: input.inputs,
  });
  const ageOf = ({ storedAt }: KnownAnswer) => gateway.now() - storedAt;
  let known = gateway.responses.get(key);
  let use = known && useOf(ageOf(known), policy, directives);
  if (!use && !directives.noCache && gateway.colo.isOn && isWorthSharing(version)) {
    const asked = call.timings.measure('colo', () => gateway.sharedResponses.find(key, call.waitUntil));
    const found = await (input.schedule.deadline?.within(asked) ?? asked);
    // Meanwhile a run may have ended here.
    known = later(gateway.responses.get(key), found);
    use = known && useOf(ageOf(known), policy, directives);
  }
  const remembered = (answer: KnownAnswer, cache: 'hit' | 'stale'): InferAnswer => {
    const base = { version, outputs: answer.outputs, placement: 'cache' as const, cache, ageMs: ageOf(answer) };
    return cache === 'hit' ? { ...base, hit: { key, known: answer } } : base;
  };
  if (known && use) {
    if (use === 'stale' && !directives.onlyIfCached) refresh(gateway, call, input, key);
    return remembered(known, use);
  }
  if (directives.onlyIfCached) throw notCached();
  const { deadline } = input.schedule;
  try {
    const work = () => runAndRemember(gateway, call, input, key);
    // What is to be computed anew is no run that began before, and nobody else's.
    if (directives.noCache) return { version, ...(await inTime(deadline, work)), cache: 'bypass' };
    const outcome = await inTime(deadline, () => gateway.runs.run(key, work, call.waitUntil));
    return { version, ...outcome, cache: 'miss' };
  } catch (error) {
    if (known && isServersFault(error) && mayStandIn(ageOf(known), policy, directives))
      return remembered(known, 'stale');
    throw error;
  }
}

function later(a: KnownAnswer | undefined, b: KnownAnswer | undefined): KnownAnswer | undefined {
  return a && (!b || a.storedAt >= b.storedAt) ? a : b;
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

/** Makes a stale answer new, after the caller has it: once at a time, and nobody's deadline bounds it. */
function refresh(gateway: Gateway, { waitUntil }: InferCall, input: RunInput, key: string): void {
  if (gateway.runs.isUnderWay(key)) return;
  const own = { ...input, schedule: { ...input.schedule, deadline: undefined } };
  const work = () => runAndRemember(gateway, { timings: new Timings(), waitUntil }, own, key);
  waitUntil(gateway.runs.run(key, work, waitUntil).catch(() => undefined));
}
