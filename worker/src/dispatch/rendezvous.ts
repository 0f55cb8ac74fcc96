/** Highest random weight (rendezvous) hashing: every isolate orders nodes alike for a version, and versions spread over nodes. */
import { fnv1a } from './fnv1a.ts';

/** The node with the highest weight for a key comes first. */
export function rendezvousWeight(nodeId: string, key: string): number {
  const hash = fnv1a(nodeId, fnv1a(key));
  // Ids differ in their last characters, which by then have reached the low bits only.
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
