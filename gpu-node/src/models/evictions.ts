/** Chooses what must go so that one more model fits. Pure. */
import { LeptonError } from '@lepton-edge/protocol';

export interface Candidate {
  bytes: number;
  leases: number;
  /** By how many it is to be kept whether it is used or not. */
  pins: number;
  /** Empty while it is being loaded. */
  running: unknown;
}

export interface Budget {
  maxBytes: number;
  maxModels: number;
}

/** What is in use or pinned leaves no room: there may be some later, or where something of it is given up. */
export class NoRoom extends LeptonError {
  constructor(label: string) {
    const reason = 'every model that is loaded is in use or pinned, and there is no room for another: try again';
    super('unavailable', `${label}: ${reason}`, { retryAfterSeconds: 1 });
  }
}

/**
 * Takes idle models in the order given, and no more than needed.
 * @param label of what is to fit, for messages
 * @param others everything that is loaded or loading, what is missed least first
 * @throws LeptonError `unavailable`; NoRoom where it would fit if nothing else were in use
 */
export function chooseEvictions<T extends Candidate>(
  label: string,
  others: readonly T[],
  bytes: number,
  { maxBytes, maxModels }: Budget,
): T[] {
  if (bytes > maxBytes) {
    const reason = `its files are ${bytes} bytes, this node keeps at most ${maxBytes} bytes loaded`;
    throw new LeptonError('unavailable', `${label}: ${reason}`, { retryAfterSeconds: 1 });
  }
  let total = others.reduce((sum, other) => sum + other.bytes, bytes);
  let count = others.length + 1;
  const evict: T[] = [];
  for (const other of others) {
    if (total <= maxBytes && count <= maxModels) break;
    if (other.leases > 0 || other.pins > 0 || !other.running) continue;
    evict.push(other);
    total -= other.bytes;
    count--;
  }
  if (total <= maxBytes && count <= maxModels) return evict;
  throw new NoRoom(label);
}
