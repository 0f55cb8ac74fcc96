import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHALLENGE_PATH } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { NODE_ID } from './testing/gateway-stand-in.ts';
import { configFor, joinedNode, makeHome, startGateway, startTestNode } from './testing/node-fixture.ts';

const challenge = (url: string, body: object) =>
  fetch(`${url}${CHALLENGE_PATH}`, { method: 'POST', body: JSON.stringify(body) });

describe('joining', () => {
  it('proves its address, keeps what it was given, and reports', async () => {
    const { gateway, home, node } = await joinedNode({ region: 'eu', labels: { zone: 'a' } });
    expect(gateway.joins).toMatchObject([{ name: 'test-1', url: node.url, region: 'eu', labels: { zone: 'a' } }]);
    expect(gateway.heartbeats[0]).toMatchObject({ state: 'ready', url: node.url, engines: [{ name: 'ort-cpu' }] });
    const credential = JSON.parse(await readFile(join(home, 'credential.json'), 'utf8'));
    expect(credential).toEqual({ gateway: gateway.url, id: NODE_ID, credential: 'credential-1', issuer: gateway.url });
    for (const file of ['identity.json', 'credential.json']) {
      expect((await stat(join(home, file))).mode & 0o777).toBe(0o600);
    }
    const ready = await fetch(`${node.url}/v2/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }]);
  });

  it('needs no token when it comes back, and keeps its key', async () => {
    const first = await joinedNode();
    await first.node.stop();
    const { token: _used, ...config } = configFor(first.gateway, first.home);
    first.gateway.heartbeats.length = 0;
    await startTestNode(config);
    await first.gateway.heartbeat((beat) => beat.state === 'ready');
    expect(first.gateway.joins).toHaveLength(1);
  });

  it('is the same node at another address, and says that it is another process', async () => {
    const first = await joinedNode({ region: 'eu' });
    await first.node.stop();
    const before = first.gateway.heartbeats.at(-1);
    const node = await startTestNode(configFor(first.gateway, first.home, { region: 'us' }));
    const beat = await first.gateway.heartbeat(({ url }) => url === node.url);
    expect(beat).toMatchObject({ state: 'ready', region: 'us', labels: {} });
    expect(String(beat.instance) > String(before?.instance)).toBe(true);
    expect(first.gateway.joins).toHaveLength(1);
  });

  it('replaces its credential when it is told to, and keeps the new one', async () => {
    const { gateway, home } = await joinedNode();
    gateway.nextCredential = 'credential-2';
    gateway.says = { rotate: true };
    await expect.poll(() => gateway.shown.at(-1)).toBe('credential-2');
    expect(JSON.parse(await readFile(join(home, 'credential.json'), 'utf8'))).toMatchObject({
      credential: 'credential-2',
      id: NODE_ID,
    });
  });

  it.each([401, 404])('joins again when the gateway answers a heartbeat with %i', async (status) => {
    const first = await joinedNode();
    await first.node.stop();
    const { gateway } = first;
    gateway.heartbeats.length = 0;
    gateway.tokens.add('second-token');
    gateway.heartbeatStatusOnce = status;
    const node = await startTestNode(configFor(gateway, first.home, { token: 'second-token' }));
    await gateway.heartbeat((beat) => beat.url === node.url);
    expect(gateway.joins[1]?.publicKey).toEqual(gateway.joins[0]?.publicKey);
  });

  it('cannot go on without token and credential, or with a used token', async () => {
    const gateway = await startGateway();
    const { token: _none, ...config } = configFor(gateway, await makeHome());
    await expect((await startTestNode(config)).ended).rejects.toThrow('LEPTON_TOKEN');
    const used = await startTestNode({ ...config, token: 'used' });
    await expect(used.ended).rejects.toThrow('the join token is used');
  });

  it('waits for a gateway that is away, and says so once', async () => {
    const gateway = await startGateway();
    const config = configFor(gateway, await makeHome());
    await gateway.stop();
    const logged: string[] = [];
    const node = await startTestNode(config, logged);
    await expect.poll(() => logged.some((line) => line.includes('waiting for the gateway'))).toBe(true);
    const ready = await fetch(`${node.url}/v2/health/ready`);
    expect([ready.status, await ready.json()]).toMatchObject([503, { ready: false, code: 'unavailable' }]);
    expect((await fetch(`${node.url}/v2/health/live`)).status).toBe(200);
    const models = await fetch(`${node.url}/v2/models/m/versions/1`);
    expect(models.status).toBe(503);
    expect(logged.filter((line) => line.includes('waiting for the gateway'))).toHaveLength(1);
  });

  it('refuses to start on damaged state, without quoting it', async () => {
    const gateway = await startGateway();
    const home = await makeHome();
    await writeFile(join(home, 'identity.json'), '{"d":"SECRET"}');
    const failed = startTestNode(configFor(gateway, home));
    await expect(failed).rejects.toThrow('identity.json is damaged');
    await expect(failed).rejects.not.toThrow('SECRET');
  });

  it('bounds what it signs', async () => {
    const { node, gateway } = await joinedNode();
    const statuses = await Promise.all(
      [
        { nonce: 'x'.repeat(200), audience: gateway.url },
        { nonce: 'x'.repeat(201), audience: gateway.url },
        { nonce: 'x' },
        { nonce: 'x', audience: 'x'.repeat(5000) },
      ].map(async (body) => (await challenge(node.url, body)).status),
    );
    expect(statuses).toEqual([200, 400, 400, 413]);
  });

  it('logs no secret', async () => {
    const { logged, home } = await joinedNode();
    const { d } = JSON.parse(await readFile(join(home, 'identity.json'), 'utf8')) as { d: string };
    for (const secret of ['join-token', 'credential-1', d]) expect(logged.join()).not.toContain(secret);
  });
});
