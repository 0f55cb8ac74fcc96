/** The repository's index with what is pinned and is not ready, and why. Pure. */
import { type PinReport, parseReference, type RepositoryIndex, type RepositoryIndexEntry } from '@lepton-edge/protocol';

export function withPins(index: RepositoryIndex, pins: readonly PinReport[]): RepositoryIndex {
  const entries = new Map(index.map((entry) => [`${entry.name}@${entry.version}`, entry]));
  for (const pin of pins) {
    const entry = entryOf(pin);
    const key = `${entry.name}@${entry.version}`;
    // What is loaded is ready, whatever else is to become of it.
    if (pin.state !== 'ready' && entries.get(key)?.state !== 'READY') entries.set(key, entry);
  }
  return [...entries.values()];
}

function entryOf({ reference, version, state, reason, nextTryAt }: PinReport): RepositoryIndexEntry {
  const about = { name: parseReference(reference).model, version: version === undefined ? '' : String(version) };
  if (state !== 'failed' && state !== 'unresolved') {
    return { ...about, state: 'LOADING', reason: `pinned as ${reference}: ${state}` };
  }
  const next = nextTryAt === undefined ? '' : `; next try at ${nextTryAt}`;
  return { ...about, state: 'UNAVAILABLE', reason: `pinned as ${reference}: ${reason ?? state}${next}` };
}
