/**
 * Which node is asked. Of those that have the version two are drawn, and the one that would answer sooner is taken (the power of two
 * choices, Mitzenmacher 2001): so isolates that know the same do not all choose the same. A node that would have to load the version is
 * taken where that is sooner yet: the first in the version's own order (rendezvous hashing) that has not much more to do than others
 * (bounded loads, Mirrokni et al. 2016), so that a burst loads a version on as few nodes as it needs. Pure; it sorts nothing.
 */

/** One node for requests of one version. */
export interface NodeCandidate {
  /** What tells it from others, and from itself before it was started again. */
  readonly process: string;
  readonly region: string | null;
  /** Whether its circuit lets a call through. */
  readonly isHealthy: boolean;
  /** Whether it has just said that it has no room. */
  readonly isFull: boolean;
  /** Whether it has the version loaded, or is about to. */
  readonly has: boolean;
  /** Requests it works on or has waiting. */
  readonly pending: number;
  /** Until it would have answered. @param usualMs what a request of the version takes, where it does not say so itself */
  expectedMs(usualMs: number | undefined): number;
}

export interface NodeWish {
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

/** @param candidates in the version's own order @returns undefined where none is allowed and healthy */
export function chooseNode<C extends NodeCandidate>(
  candidates: readonly C[],
  wish: NodeWish,
): NodeChoice<C> | undefined {
  const holder = drawHolder(candidates, wish);
  // What is soon is not looked further into.
  if (holder && holder.expectedMs < SOON_MS) return holder;
  const best = holder && least(candidates, wish, isHolder);
  const cold = whereToLoad(candidates, wish);
  if (best && cold) return cold.expectedMs < best.expectedMs ? cold : best;
  return best ?? cold ?? least(candidates, wish, () => true);
}

export function isAllowed(
  { process, region }: NodeCandidate,
  { regions, mayTry }: Pick<NodeWish, 'regions' | 'mayTry'>,
): boolean {
  return (!regions || (region !== null && regions.includes(region))) && (!mayTry || mayTry(process));
}

function isUsable(candidate: NodeCandidate, wish: NodeWish): boolean {
  return isAllowed(candidate, wish) && candidate.isHealthy;
}

/** The better of two drawn from those that are about as good as the best, in one pass by reservoir sampling. */
function drawHolder<C extends NodeCandidate>(candidates: readonly C[], wish: NodeWish): NodeChoice<C> | undefined {
  const best = least(candidates, wish, isHolder);
  if (!best) return undefined;
  let first: C | undefined;
  let second: C | undefined;
  let count = 0;
  for (const candidate of candidates) {
    if (!isUsable(candidate, wish) || !isHolder(candidate)) continue;
    if (candidate.expectedMs(wish.usualMs) > LIKE * best.expectedMs) continue;
    count += 1;
    const place = count <= 2 ? count - 1 : Math.floor(wish.random() * count);
    if (place === 0) first = candidate;
    else if (place === 1) second = candidate;
  }
  if (!first) return best;
  const candidate = second && second.pending < first.pending ? second : first;
  return { candidate, expectedMs: candidate.expectedMs(wish.usualMs), isFull: false };
}

const isHolder = ({ has, isFull }: NodeCandidate): boolean => has && !isFull;

function least<C extends NodeCandidate>(
  candidates: readonly C[],
  wish: NodeWish,
  isMeant: (candidate: C) => boolean,
): NodeChoice<C> | undefined {
  let best: NodeChoice<C> | undefined;
  for (const candidate of candidates) {
    if (!isUsable(candidate, wish) || !isMeant(candidate)) continue;
    const expectedMs = candidate.expectedMs(wish.usualMs);
    if (!best || expectedMs < best.expectedMs) best = { candidate, expectedMs, isFull: candidate.isFull };
  }
  return best;
}

function whereToLoad<C extends NodeCandidate>(candidates: readonly C[], wish: NodeWish): NodeChoice<C> | undefined {
  let nodes = 0;
  let pending = 0;
  for (const candidate of candidates) {
    if (!isUsable(candidate, wish)) continue;
    nodes += 1;
    pending += candidate.pending;
  }
  const bound = Math.max(ALWAYS_IN_BOUNDS, (BOUND * (pending + 1)) / nodes);
  const lacksIt = (candidate: C) => !candidate.has && !candidate.isFull;
  for (const candidate of candidates) {
    if (!isUsable(candidate, wish) || !lacksIt(candidate) || candidate.pending >= bound) continue;
    return { candidate, expectedMs: candidate.expectedMs(wish.usualMs), isFull: false };
  }
  return least(candidates, wish, lacksIt);
}
