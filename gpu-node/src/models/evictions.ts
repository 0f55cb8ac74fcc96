/** Chooses what must go so that one more model fits. Pure. */

export interface Candidate {
  bytes: number;
  leases: number;
  /** Empty while it is being loaded. */
  running: unknown;
}

export interface Budget {
  maxBytes: number;
  maxModels: number;
}

export type EvictionChoice<T> = { ok: true; evict: T[] } | { ok: false; reason: string };

/**
 * Takes idle models, least recently used first, and no more than needed.
 * @param others everything that is loaded or loading, least recently used first
 */
export function chooseEvictions<T extends Candidate>(
  others: readonly T[],
  bytes: number,
  { maxBytes, maxModels }: Budget,
): EvictionChoice<T> {
  if (bytes > maxBytes) {
    return { ok: false, reason: `its files are ${bytes} bytes, this node keeps at most ${maxBytes} bytes loaded` };
  }
  let total = others.reduce((sum, other) => sum + other.bytes, bytes);
  let count = others.length + 1;
  const evict: T[] = [];
  for (const other of others) {
    if (total <= maxBytes && count <= maxModels) break;
    if (other.leases > 0 || !other.running) continue;
    evict.push(other);
    total -= other.bytes;
    count--;
  }
  if (total <= maxBytes && count <= maxModels) return { ok: true, evict };
  return { ok: false, reason: 'every model that is loaded is in use and there is no room for another: try again' };
}
