/** What the log says of the node's life in a fleet. */
import type { Logger } from 'pino';
import type { MembershipChange } from './membership.ts';

export function logMembership(log: Logger, gateway: string, change: MembershipChange): void {
  switch (change.state) {
    case 'waiting':
      log.warn({ gateway, reason: change.reason }, 'waiting for the gateway');
      break;
    case 'rotated':
      log.info({ gateway }, 'the credential was replaced');
      break;
    case 'rotation failed':
      log.warn({ gateway, reason: change.reason }, 'the credential could not be replaced: it is tried again');
      break;
    default:
      logJoined(log, gateway, change);
  }
}

function logJoined(log: Logger, gateway: string, change: MembershipChange & { state: 'joined' }): void {
  const { id, drained, duplicate, clock } = change;
  if (clock !== undefined) log.warn({ gateway }, clock);
  if (duplicate) {
    const gets = duplicate.newer ? 'this one began later and gets the work' : 'this one began earlier and gets no work';
    const help = 'stop one, or give it a home and a name of its own';
    log.warn({ gateway, id, other: duplicate.url }, `two processes have the identity of this node: ${gets}; ${help}`);
  }
  if (drained) log.warn({ gateway, id }, 'joined, and drained: no new work');
  else log.info({ gateway, id }, 'joined');
}
