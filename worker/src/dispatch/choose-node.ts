/**
 * Which node is asked. Of those that have the version and would answer about as soon as the best, two are drawn and the less busy one is
 * taken (the power of two choices, Mitzenmacher 2001): so isolates that know the same do not all choose the same. A node that would have to
 * load the version is taken where that is sooner yet: the first in the version's own order (rendezvous hashing) that has not much more to do
 * than others (bounded loads, Mirrokni et al. 2016), so that a burst loads a version on as few nodes as it needs. Pure; it sorts nothing.
 */
import type { Asker } from './version-work.ts';

/** One node for requests of one version; `now` by the clock that its calls are measured with. */
export interface NodeCandidate {
  /** What tells it from others, and from itself before it was started again. */
  readonly process: string;
  readonly region: string | null;
  /** Whether its circuit lets a call through. */
  isHealthy(now: number): boolean;
  /** Whether it has just said that it has no room for such requests. */
  isFull(asker: Asker, now: number): boolean;
  /** Whether it has the version loaded, or is about to. */
  has(now: number): boolean;
  /** Requests it works on or has waiting. */
  pending(now: number): number;
  /** Until it would have answered. @param usualMs what a request of the version takes, where it does not say so itself */
  expectedMs(now: number, usualMs: number | undefined): number;
}

export interface NodeWish {
  now: number;
  asker: Asker;
  /** Until the request's deadline, in ms; infinite without one. */
  leftMs: number;
  regions: readonly string[] | undefined;
  /** What a request of the version takes on a node, where that was measured. */
  usualMs: number | undefined;
  /** Whether the request may be sent there: all where absent. */
  mayTry?: ((process: string) => boolean) | undefined;
  random: () => number;
}

export interface NodeChoice<C extends NodeCandidate> {
  candidate: C;
  expectedMs: number;
  /** Whether it would probably refuse; then all would. */
  isFull: boolean;
}

/** A node has not much to do with fewer. */
const ALWAYS_IN_BOUNDS = 16;
/** Of the mean. */
const BOUND = 1.25;
/** Estimates are no better than that. */
const LIKE = 2;
/** No load anywhere is over sooner. */
const SOON_MS = 1_000;

const [UNUSABLE, FULL, LACKS_IT, HAS_IT] = [0, 1, 2, 3];

/** What is known of each candidate while one is chosen: nothing else runs meanwhile, and nothing is made for a request. */
let states = new Uint8Array(64);
let times = new Float64Array(64);

/** @param candidates in the version's own order @returns undefined where none is allowed and healthy */
export function chooseNode<C extends NodeCandidate>(
  candidates: readonly C[],
  wish: NodeWish,
): NodeChoice<C> | undefined {
  look(candidates, wish);
  const best = soonest(candidates.length, HAS_IT);
  if (best !== undefined && timeOf(best) < Math.min(SOON_MS, wish.leftMs))
    return choiceOf(candidates, draw(candidates, best, wish));
  const cold = whereToLoad(candidates, wish);
  if (best !== undefined && (cold === undefined || timeOf(best) <= timeOf(cold))) {
    return choiceOf(candidates, draw(candidates, best, wish));
  }
  return choiceOf(candidates, cold ?? soonest(candidates.length, FULL));
}

export function isAllowed(
  { process, region }: NodeCandidate,
  { regions, mayTry }: Pick<NodeWish, 'regions' | 'mayTry'>,
): boolean {
  return (!regions || (region !== null && regions.includes(region))) && (!mayTry || mayTry(process));
}

function look(candidates: readonly NodeCandidate[], wish: NodeWish): void {
  const { now, asker, usualMs } = wish;
  if (candidates.length > states.length) {
    states = new Uint8Array(2 * candidates.length);
    times = new Float64Array(2 * candidates.length);
  }
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as NodeCandidate;
    states[i] = UNUSABLE;
    if (!isAllowed(candidate, wish) || !candidate.isHealthy(now)) continue;
    states[i] = candidate.isFull(asker, now) ? FULL : candidate.has(now) ? HAS_IT : LACKS_IT;
    times[i] = candidate.expectedMs(now, usualMs);
  }
}

function timeOf(place: number): number {
  return times[place] as number;
}

function choiceOf<C extends NodeCandidate>(
  candidates: readonly C[],
  place: number | undefined,
): NodeChoice<C> | undefined {
  if (place === undefined) return undefined;
  return { candidate: candidates[place] as C, expectedMs: timeOf(place), isFull: states[place] === FULL };
}

function soonest(count: number, state: number): number | undefined {
  let best: number | undefined;
  for (let i = 0; i < count; i++) {
    if (states[i] === state && (best === undefined || timeOf(i) < timeOf(best))) best = i;
  }
  return best;
}

/** The less busy of two, drawn in one pass by reservoir sampling. */
function draw(candidates: readonly NodeCandidate[], best: number, { now, leftMs, random }: NodeWish): number {
  const alike = LIKE * timeOf(best);
  const atMost = timeOf(best) <= leftMs ? Math.min(alike, leftMs) : alike;
  let first = best;
  let second: number | undefined;
  let count = 0;
  for (let i = 0; i < candidates.length; i++) {
    if (states[i] !== HAS_IT || timeOf(i) > atMost) continue;
    count += 1;
    const place = count <= 2 ? count - 1 : Math.floor(random() * count);
    if (place === 0) first = i;
    else if (place === 1) second = i;
  }
  if (second === undefined) return first;
  const isLessBusy = (candidates[second]?.pending(now) ?? 0) < (candidates[first]?.pending(now) ?? 0);
  return isLessBusy ? second : first;
}

function whereToLoad(candidates: readonly NodeCandidate[], { now, leftMs }: NodeWish): number | undefined {
  let nodes = 0;
  let pending = 0;
  for (let i = 0; i < candidates.length; i++) {
    if (states[i] === UNUSABLE) continue;
    nodes += 1;
    pending += candidates[i]?.pending(now) ?? 0;
  }
  const bound = Math.max(ALWAYS_IN_BOUNDS, (BOUND * (pending + 1)) / nodes);
  let first: number | undefined;
  for (let i = 0; i < candidates.length; i++) {
    if (states[i] !== LACKS_IT || (candidates[i]?.pending(now) ?? 0) >= bound) continue;
    if (timeOf(i) <= leftMs) return i;
    first ??= i;
  }
  const best = soonest(candidates.length, LACKS_IT);
  return best !== undefined && timeOf(best) <= leftMs ? best : (first ?? best);
}
