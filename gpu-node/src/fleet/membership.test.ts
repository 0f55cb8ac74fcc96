import type { Heartbeat } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { Membership } from './membership.ts';

it('says farewell behind the report under way, which would undo it', async () => {
  const arrived: string[] = [];
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const gateway = {
    url: 'http://gateway',
    heartbeat: async (_id: string, _credential: string, { state }: Heartbeat) => {
      begun.resolve();
      if (state === 'ready') await gate.promise;
      arrived.push(state);
      return {};
    },
  };
  const credential = { gateway: gateway.url, id: 'node_1', credential: 'c', issuer: gateway.url };
  const membership = new Membership({
    gateway: gateway as never,
    store: { read: async () => credential } as never,
    self: {} as never,
    token: undefined,
    report: () => ({}) as never,
    onChange: () => undefined,
  });
  const loop = membership.run();
  await begun.promise;
  const left = membership.leave();
  setTimeout(() => gate.resolve(), 20);
  await Promise.all([left, loop]);
  expect(arrived).toEqual(['ready', 'stopped']);
});
