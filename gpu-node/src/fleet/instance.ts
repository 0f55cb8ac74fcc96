/** Names this process of the node, so that a gateway can tell it from an earlier one, and from another with a copy of its home. */
import { randomBytes } from 'node:crypto';

/** Later ones sort behind earlier ones. */
export function newInstance(now = Date.now()): string {
  return `${now.toString(36).padStart(9, '0')}-${randomBytes(6).toString('hex')}`;
}
