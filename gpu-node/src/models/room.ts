/** What has to go so that one more model has room, in memory or on a GPU, why that of all, and what room is left for its copies. */
import { type CopyRoom, EngineError } from '../engines/engine.ts';
import type { Entry } from './entry.ts';
import { type Budget, chooseEvictions } from './evictions.ts';

export interface Eviction {
  entry: Entry;
  reason: string;
}

/**
 * Last of all goes the version that this one may be the next of.
 * @param others everything else that is loaded or loading, least recently used first
 * @throws LeptonError as `chooseEvictions`
 */
export function roomInMemory(
  { label }: Entry,
  model: string,
  bytes: number,
  others: readonly Entry[],
  budget: Budget,
): Eviction[] {
  return choose(label, model, bytes, others, ({ bytes: taken }) => taken, budget);
}

/**
 * As `roomInMemory`, of what is on the GPU.
 * @throws EngineError `unsupported` for what can never be there
 */
export function roomOnGpu(
  { label }: Entry,
  model: string,
  bytes: number,
  others: readonly Entry[],
  maxBytes: number,
): Eviction[] {
  if (bytes > maxBytes) {
    const reason = `its files are ${bytes} bytes, of --gpu-memory-mib models have ${maxBytes} bytes`;
    throw new EngineError('unsupported', reason);
  }
  const there = others.filter(({ gpuBytes }) => gpuBytes > 0);
  const budget = { maxBytes, maxModels: Number.POSITIVE_INFINITY };
  return choose(label, model, bytes, there, ({ gpuBytes }) => gpuBytes, budget);
}

/**
 * What is booked counts as the entry's until its load ends.
 * @param bytes of a copy
 * @param freeBytes that nothing has now
 */
export function roomForCopies(entry: Entry, bytes: number, freeBytes: () => number): CopyRoom {
  const free = () => Math.max(0, Math.floor(freeBytes() / Math.max(1, bytes)));
  return {
    get free() {
      return free();
    },
    book(copies) {
      const booked = Math.min(copies, free());
      entry.bytes += booked * bytes;
      return booked;
    },
  };
}

function choose(
  label: string,
  model: string,
  bytes: number,
  others: readonly Entry[],
  taken: (entry: Entry) => number,
  budget: Budget,
): Eviction[] {
  const before = others.findLast(({ names }) => [...names.values()].some((named) => named.model === model));
  const order = before ? [...others.filter((other) => other !== before), before] : others;
  const candidates = order.map((entry) => {
    const { leases, pins, running } = entry;
    return { entry, bytes: taken(entry), leases, pins, running };
  });
  return chooseEvictions(label, candidates, bytes, budget).map(({ entry }) => ({
    entry,
    reason: entry === before ? `both do not fit: ${label} takes its place` : `room for ${label}`,
  }));
}
