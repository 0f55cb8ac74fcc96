import { afterEach, expect, it, vi } from 'vitest';
import { GatewayClock } from '../fleet/gateway-clock.ts';
import { NODE_ID } from '../testing/gateway-stand-in.ts';
import { startGateway } from '../testing/node-fixture.ts';
import { createCallVerifier } from './verify-call.ts';

afterEach(() => void vi.useRealTimers());

async function verifierOf(skewMs: number) {
  const gateway = await startGateway();
  const clock = new GatewayClock(() => Date.now() + skewMs);
  const measure = () => clock.measure(async () => ({ receivedAt: new Date().toISOString() }));
  const verify = createCallVerifier(() => ({ issuer: gateway.url, nodeId: NODE_ID }), clock);
  return { gateway, clock, measure, verify, verifyNew: async () => verify(`Bearer ${await gateway.sign()}`) };
}

it.each([10 * 60_000, -10 * 60_000])('corrects for a clock that is wrong by %i ms', async (skewMs) => {
  const { verifyNew, measure, clock } = await verifierOf(skewMs);
  await expect(verifyNew()).rejects.toMatchObject({ code: 'unauthenticated' });
  await measure();
  await expect(verifyNew()).resolves.toBeUndefined();
  expect(Math.abs((clock.skewMs ?? 0) - skewMs)).toBeLessThan(1_000);
});

it('names a wrong clock where it refuses', async () => {
  const { verify, measure, gateway } = await verifierOf(60_000);
  await measure();
  const seconds = Math.floor(Date.now() / 1000);
  const late = verify(`Bearer ${await gateway.sign({ iat: seconds - 120, exp: seconds - 60 })}`);
  await expect(late).rejects.toThrow('clock is 60 s ahead of the gateway');
});

it('knows the keys for an hour while the gateway is away', async () => {
  const { verify, verifyNew, gateway } = await verifierOf(0);
  await verifyNew();
  await gateway.stop();
  const startedAt = Date.now();
  const after = async (minutes: number) => {
    vi.useFakeTimers({ toFake: ['Date'], now: startedAt + minutes * 60_000 });
    return await verifyNew();
  };
  await expect(after(5)).resolves.toBeUndefined();
  await expect(after(59)).resolves.toBeUndefined();
  await expect(after(61)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(verify('Bearer a.b.c')).rejects.toMatchObject({ code: 'unauthenticated' });
});
