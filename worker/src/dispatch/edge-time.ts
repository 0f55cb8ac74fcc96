/** How long runs at the edge take, and may take: nothing interrupts one there, so what may take too long is not begun. */
import type { CostGrowth } from '@lepton-edge/protocol';

/** What the trial at the edge showed. */
export interface EdgeTried {
  runMs: number;
  loadMs: number;
  /** What one item cost in batches of so many. */
  perItemMs: Readonly<Record<string, number>>;
  elements: number;
  /** At most so many multiply-adds for inputs of so many elements; undefined or empty where the file does not tell. */
  growth: CostGrowth | undefined;
  /** Whether it has an `If`: then the trial may have run the cheap branch. */
  branches: boolean;
}

const MAX_EDGE_RUN_MS = 5_000;
/** What fewer take costs what any run does. */
const MIN_MULTIPLY_ADDS = 100_000;
const MIN_TRIED_ELEMENTS = 4_096;
/** As fast as any model runs in WASM: a trial that was faster did not do all that the bound counts. */
const MIN_MS_PER_MULTIPLY_ADD = 5e-7;
/** Where the file does not tell: matrices of n elements are multiplied in n^1.5 steps. */
const ASSUMED_EXPONENT = 1.5;

/** Whether a run on inputs of so many elements together may keep others waiting too long. Arithmetic only. */
export function isTooLongForEdge(tried: EdgeTried, elements: number): boolean {
  return edgeMsAtMost(tried, elements) > MAX_EDGE_RUN_MS;
}

/** What a run takes. */
export interface EdgeCost {
  aloneMs: number;
  /** What it adds to a run that others share. */
  sharedMs: number;
}

/** About what a run on inputs of so many elements takes here, from what admission measured; arithmetic only. */
export function edgeCost(tried: EdgeTried, elements: number): EdgeCost {
  const { runMs, perItemMs } = tried;
  const aloneMs = Math.max(runMs, edgeMsAtMost({ ...tried, branches: false }, elements));
  const share = runMs > 0 ? Math.min(1, ...Object.values(perItemMs).map((ms) => ms / runMs)) : 1;
  return { aloneMs, sharedMs: aloneMs * share };
}

/** What any request for it costs at least, as its own run or as part of one. @param batchSize how many items may share a run */
export function leastEdgeCostMs(tried: EdgeTried, batchSize: number): number {
  const { aloneMs, sharedMs } = edgeCost(tried, 0);
  return batchSize > 1 ? sharedMs : aloneMs;
}

function edgeMsAtMost({ runMs, elements: triedElements, growth, branches }: EdgeTried, elements: number): number {
  if (!branches && elements <= triedElements) return 0;
  if (!growth || growth.length === 0) {
    const times = elements / Math.max(triedElements, MIN_TRIED_ELEMENTS);
    return times <= 1 ? 0 : runMs * times ** ASSUMED_EXPONENT;
  }
  const perMultiplyAdd = runMs / Math.max(boundAt(growth, triedElements), MIN_MULTIPLY_ADDS);
  return boundAt(growth, elements) * Math.max(perMultiplyAdd, MIN_MS_PER_MULTIPLY_ADD);
}

/** Between entries as if it grew by one power, which is no less; beyond the last one as between the last two, at least assumed. */
function boundAt(growth: CostGrowth, elements: number): number {
  const next = growth.findIndex((entry) => entry.elements >= elements);
  if (next === 0) return growth[0]?.multiplyAdds ?? 0;
  const [a, b] = next > 0 ? [growth[next - 1], growth[next]] : [growth.at(-2), growth.at(-1)];
  if (!b) return 0;
  if (!a) return b.multiplyAdds * (elements / Math.max(1, b.elements)) ** ASSUMED_EXPONENT;
  const exponent = Math.log(b.multiplyAdds / a.multiplyAdds) / Math.log(b.elements / Math.max(1, a.elements));
  const used = next > 0 ? exponent : Math.max(exponent, ASSUMED_EXPONENT);
  return b.multiplyAdds * (elements / b.elements) ** used;
}
