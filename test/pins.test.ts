/** What a gateway says that a node's pins stand for. */
import { HeartbeatAnswer, type WantedVersion } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { call, client, freshName, newModel, uploadReady } from './support/api.ts';
import { drainingReport, joinByHand } from './support/hand-made-node.ts';
import { tinyModel } from './support/tiny-model.ts';

it('stand for versions that the node may then read, and follow their aliases', async () => {
  const name = freshName('pinned');
  await client().models.create({ name });
  for (let version = 1; version <= 2; version++) await uploadReady(client(), name, tinyModel(`${name}${version}`));
  const split = [1, 2].map((version) => ({ version, weight: 1 }));
  await client().aliases.put(name, 'production', { targets: split, reason: 'a test' });
  const { name: foreign } = await newModel();
  const references = [name, `${name}@1`, `${name}@canary`, foreign, `${name}@7`];
  const node = await joinByHand(freshName('node'));
  const states = [{ reference: name, version: 1, state: 'failed', reason: 'no memory' }];
  const beat = async (request: string): Promise<WantedVersion[]> => {
    const body = { ...drainingReport(node.url), pins: { request, states } };
    const answer = await call('POST', `/api/nodes/${node.id}/heartbeat`, { key: node.credential, body });
    return HeartbeatAnswer.parse(answer.body).wanted ?? [];
  };
  const wanted = await beat(node.prove({ aud: node.issuer, pins: references }));
  const summary = wanted.map((each) => [each.reference, 'version' in each ? each.version : each.reason]);
  expect(summary).toEqual([
    [name, 1],
    [name, 2],
    [`${name}@1`, 1],
    [`${name}@canary`, expect.stringContaining('no alias "canary"')],
    [foreign, expect.stringContaining('no model is named')],
    [`${name}@7`, expect.stringContaining('no version 7')],
  ]);

  const [first] = wanted;
  if (!first || 'reason' in first) throw new Error('expected a version');
  const read = (headers: Record<string, string>) =>
    call('GET', `/api/models/${name}/versions/1`, { key: node.credential, headers });
  expect((await read({ 'x-lepton-grant': first.grant })).status).toBe(200);
  expect((await read({})).status).toBe(403);

  // The credential alone, or what the node would sign for anybody, opens nothing.
  const unsigned = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const forged = `${unsigned({ alg: 'EdDSA' })}.${unsigned({ aud: node.issuer, pins: [name] })}.AAAA`;
  expect(await beat(forged)).toEqual([{ reference: name, reason: expect.stringContaining("node's own key") }]);
  expect(await beat(node.prove({ aud: node.issuer, nonce: name }))).toEqual([]);

  const { items } = await client().nodes.list({ limit: 1000 });
  expect(items.find(({ id }) => id === node.id)?.pins).toEqual(states);
});
