import { describe, expect, it } from 'vitest';
import type { Gateway } from '../context.ts';
import { createFleet } from '../hubs/fleet.ts';
import { decide } from './decide.ts';

/** Asks where a version would run while the hub answers nobody. */
async function decideWithoutHub(edgeEligible: boolean) {
  const heard = async () => {
    throw new Error('the hub is overloaded');
  };
  const fleet = createFleet({ get: () => ({ heard }), idFromName: () => 'fleet' } as never);
  const gateway = { fleet, edge: { unavailableFor: () => undefined } } as unknown as Gateway;
  const version = { digest: 'v', edgeEligible, manifest: { placement: { policy: 'auto' } } };
  return await decide(gateway, { model: { id: 'm' }, version } as never, undefined, () => undefined);
}

describe('a hub that cannot be asked', () => {
  it('keeps nothing from the edge', async () => {
    expect(await decideWithoutHub(true)).toMatchObject({ decision: { kind: 'edge' }, order: [], isKnown: false });
  });

  it('is why there is no placement on a node', async () => {
    const refused = decideWithoutHub(false);
    await expect(refused).rejects.toMatchObject({
      code: 'no_placement',
      retryAfterSeconds: 2,
      cause: Error('the hub is overloaded'),
    });
  });
});
