/** A node by hand: it joins, reports what it is told to, and runs nothing. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CHALLENGE_PATH } from '@lepton-edge/protocol';
import { call, freshName } from './api.ts';

/**
 * What a join needs but its token. `close` ends the address, `prove` signs claims with the node's key.
 * @param answer to what is no challenge
 */
export async function nodeAddress(answer?: RequestListener) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const prove = (claims: object) => {
    const parts = [{ alg: 'EdDSA' }, { ...claims, iat: Math.floor(Date.now() / 1000) }];
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
  };
  const server = createServer(async (request, response) => {
    if (answer && request.url !== CHALLENGE_PATH) return answer(request, response);
    const { nonce, audience } = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString());
    const proof = prove({ nonce, aud: audience });
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ proof }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, publicKey: { kty: 'OKP', crv: 'Ed25519', x } as const, close: () => server.close(), prove };
}

export interface HandMadeNode {
  id: string;
  credential: string;
  url: string;
  issuer: string;
  /** A JWT signed with the node's key. */
  prove(claims: object): string;
}

/** Joins under a name. */
export async function joinByHand(name: string): Promise<HandMadeNode> {
  const { close, prove, ...address } = await nodeAddress();
  try {
    const { token } = (await call('POST', '/api/nodes/tokens')).body;
    const { body } = await call('POST', '/api/nodes/join', { key: null, body: { token, name, ...address } });
    const { id, credential, issuer } = body;
    return { id: String(id), credential: String(credential), issuer: String(issuer), url: address.url, prove };
  } finally {
    close();
  }
}

/** A report of a node that takes no work. */
export function drainingReport(url: string) {
  const idle = { engines: [], loaded: [], inFlight: 0, queued: 0, rssBytes: 1 };
  return { url, softwareVersion: '0', state: 'draining', ...idle };
}

/** A node by hand that is ready in a region of its own until it `leaves`. @param answer to the calls of models */
export async function readyNode(region: string, answer: RequestListener) {
  const { close, prove: _, ...address } = await nodeAddress(answer);
  const { token } = (await call('POST', '/api/nodes/tokens')).body;
  const join = { token, name: freshName('node'), region, ...address };
  const { id, credential } = (await call('POST', '/api/nodes/join', { key: null, body: join })).body;
  const report = (state: 'ready' | 'draining') =>
    call('POST', `/api/nodes/${id}/heartbeat`, {
      key: String(credential),
      body: { ...drainingReport(address.url), state },
    });
  const beat = setInterval(() => void report('ready'), 1_000);
  await report('ready');
  const leave = async () => {
    clearInterval(beat);
    await report('draining');
    await call('DELETE', `/api/nodes/${id}`);
    close();
  };
  return { leave };
}
