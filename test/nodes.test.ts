/** Nodes as an operator handles them, over HTTP; they are made by hand, and given no work. */
import { describe, expect, it } from 'vitest';
import { call, freshName, newTeamKey } from './support/api.ts';
import { drainingReport, joinByHand } from './support/hand-made-node.ts';

type Listed = Record<string, unknown> & { id: string };

async function listed(id: string): Promise<Listed | undefined> {
  return ((await call('GET', '/api/nodes?limit=1000')).body.items as Listed[]).find((node) => node.id === id);
}

async function actionsOn(id: string): Promise<unknown[]> {
  const { items } = (await call('GET', `/api/audit?limit=1000&subject=node/${id}`)).body;
  return (items as { action: string; subject: string }[])
    .filter(({ subject }) => subject === `node/${id}`)
    .map(({ action }) => action);
}

describe('a node that is drained', () => {
  it('is taken out of work at once, learns it, and stays so until it is resumed', async () => {
    const { id, credential, url } = await joinByHand(freshName('node'));
    const report = (state: string) =>
      call('POST', `/api/nodes/${id}/heartbeat`, { key: credential, body: { ...drainingReport(url), state } });
    expect((await report('draining')).body).toMatchObject({ drained: false, handoverMs: 2500 });
    for (let i = 0; i < 2; i++) {
      const drained = await call('POST', `/api/nodes/${id}/drain`);
      expect([drained.status, drained.body]).toMatchObject([200, { id, state: 'draining', drained: true }]);
    }
    expect((await report('ready')).body).toMatchObject({ drained: true });
    expect(await listed(id)).toMatchObject({ state: 'draining', drained: true });
    await report('stopped');
    expect(await listed(id)).toMatchObject({ state: 'stopped', drained: true });
    expect((await call('POST', `/api/nodes/${id}/resume`)).body).toMatchObject({ state: 'stopped', drained: false });
    expect((await actionsOn(id)).toReversed()).toEqual(['node.join', 'node.drain', 'node.resume']);
  });

  it('is so by an admin’s word only', async () => {
    const { id, credential } = await joinByHand(freshName('node'));
    const { secret } = await newTeamKey('ops');
    for (const key of [secret, credential]) {
      expect(await call('POST', `/api/nodes/${id}/drain`, { key })).toMatchObject({ status: 403 });
    }
    expect(await call('POST', '/api/nodes/node_none/resume')).toMatchObject({
      status: 404,
      body: { code: 'node_not_found' },
    });
  });
});
