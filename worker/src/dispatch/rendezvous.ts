/** Highest random weight (rendezvous) hashing: every isolate orders nodes alike for a version, and versions spread over nodes. */

/** By 32-bit FNV-1a. The node with the highest weight for a key comes first. */
export function rendezvousWeight(nodeId: string, key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  for (let i = 0; i < nodeId.length; i++) hash = Math.imul(hash ^ nodeId.charCodeAt(i), 0x01000193);
  // Ids differ in their last characters, which by then have reached the low bits only.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
