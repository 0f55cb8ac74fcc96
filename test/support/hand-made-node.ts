/** A node by hand: it joins, reports what it is told to, and runs nothing. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CHALLENGE_PATH } from '@lepton-edge/protocol';
import { call } from './api.ts';

/** What a join needs but its token. `close` ends the address. @param answer to what is no challenge */
export async function nodeAddress(answer?: RequestListener) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const server = createServer(async (request, response) => {
    if (answer && request.url !== CHALLENGE_PATH) return answer(request, response);
    const { nonce, audience } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
    const parts = [{ alg: 'EdDSA' }, { nonce, aud: audience, iat: Math.floor(Date.now() / 1000) }];
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const proof = `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ proof }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, publicKey: { kty: 'OKP', crv: 'Ed25519', x } as const, close: () => server.close() };
}

/** Joins under a name. */
export async function joinByHand(name: string): Promise<{ id: string; credential: string; url: string }> {
  const { close, ...address } = await nodeAddress();
  try {
    const { token } = (await call('POST', '/api/nodes/tokens')).body;
    const { body } = await call('POST', '/api/nodes/join', { key: null, body: { token, name, ...address } });
    return { id: String(body.id), credential: String(body.credential), url: address.url };
  } finally {
    close();
  }
}

/** A report of a node that takes no work. */
export function drainingReport(url: string) {
  const idle = { engines: [], loaded: [], inFlight: 0, queued: 0, rssBytes: 1 };
  return { url, softwareVersion: '0', state: 'draining', ...idle };
}
