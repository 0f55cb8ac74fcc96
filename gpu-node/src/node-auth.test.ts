import { generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { NODE_ID } from './testing/gateway-stand-in.ts';
import { type Fixture, joinedNode } from './testing/node-fixture.ts';

const seconds = () => Math.floor(Date.now() / 1000);
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

const call = (fixture: Fixture, authorization?: string) =>
  fetch(`${fixture.node.url}/v2/models/none/versions/1`, { headers: authorization ? { authorization } : {} });

type Make = (fixture: Fixture) => string | undefined | Promise<string | undefined>;
const bearer = async (token: Promise<string>) => `Bearer ${await token}`;

const REFUSED: [string, Make][] = [
  ['no token', () => undefined],
  ['another scheme', () => 'Basic eDp5'],
  ['no JWT', () => 'Bearer abc'],
  ['another issuer', ({ gateway }) => bearer(gateway.sign({ iss: 'http://evil.example' }))],
  ['another audience', ({ gateway }) => bearer(gateway.sign({ aud: 'node_other' }))],
  ['an expired one', ({ gateway }) => bearer(gateway.sign({ iat: seconds() - 120, exp: seconds() - 60 }))],
  ['too long a life', ({ gateway }) => bearer(gateway.sign({ exp: seconds() + 61 }))],
  ['one of the future', ({ gateway }) => bearer(gateway.sign({ iat: seconds() + 3600, exp: seconds() + 3660 }))],
  [
    'another key',
    async ({ gateway }) => bearer(gateway.sign({}, (await generateKeyPair('EdDSA', { crv: 'Ed25519' })).privateKey)),
  ],
  [
    'alg none',
    ({ gateway }) => {
      const claims = { iss: gateway.url, aud: NODE_ID, iat: seconds(), exp: seconds() + 60 };
      return `Bearer ${base64url({ alg: 'none' })}.${base64url(claims)}.`;
    },
  ],
  [
    'HS256',
    ({ gateway }) => {
      const claims = { iss: gateway.url, aud: NODE_ID, iat: seconds(), exp: seconds() + 60 };
      return bearer(new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(Buffer.alloc(32, 1)));
    },
  ],
];

describe('calls to models', () => {
  it.each(REFUSED)('refuses %s', async (_what, make) => {
    const fixture = await joinedNode();
    const response = await call(fixture, await make(fixture));
    const body = (await response.json()) as { error: string; code: string };
    expect([response.status, body.code]).toEqual([401, 'unauthenticated']);
    expect(body.error).toContain('expected "Authorization: Bearer <JWT>"');
  });

  it('lets the gateway in, again and again with one token', async () => {
    const fixture = await joinedNode();
    const token = await fixture.gateway.sign();
    for (let i = 0; i < 3; i++) expect((await call(fixture, `Bearer ${token}`)).status).toBe(404);
    await fixture.gateway.stop();
    expect((await call(fixture, `Bearer ${token}`)).status).toBe(404);
  });

  it('says that it cannot verify, rather than refuse, when the keys cannot be had', async () => {
    const fixture = await joinedNode();
    const token = await fixture.gateway.sign();
    await fixture.gateway.stop();
    const response = await call(fixture, `Bearer ${token}`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('asks for a token before it tells what is there', async () => {
    const { node } = await joinedNode();
    for (const path of ['/v2/models', '/v2/models/x', '/v2/models/x/versions/1/infer']) {
      expect((await fetch(`${node.url}${path}`)).status).toBe(401);
    }
  });
});

describe('other paths', () => {
  it('answers what it is, and what is not there', async () => {
    const { node, gateway } = await joinedNode();
    const headers = { authorization: `Bearer ${await gateway.sign()}` };
    const server = await (await fetch(`${node.url}/v2`, { headers })).json();
    expect(server).toMatchObject({
      name: 'lepton-gpu-node',
      extensions: expect.arrayContaining(['binary_tensor_data']),
    });
    for (const path of ['/v2', '/nothing']) expect((await fetch(`${node.url}${path}`)).status).toBe(401);
    const unknown = await fetch(`${node.url}/nothing`, { headers: { ...headers, 'x-request-id': 'abc' } });
    expect([unknown.status, unknown.headers.get('x-request-id')]).toEqual([404, 'abc']);
    expect(await unknown.json()).toMatchObject({ code: 'path_not_found' });
    const method = await fetch(`${node.url}/v2/health/live`, { method: 'DELETE' });
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'GET']);
    const get = await fetch(`${node.url}/v2/models/x/versions/1/infer`, { headers });
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
  });
});
