import { JoinInput } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import type { Gateway } from '../../context.ts';
import { verifyAddress } from './verify-address.ts';

const publicKey = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;

/** What calling the address came to; every call it lets through fails. */
async function outcome(url: string): Promise<string> {
  const fetch = async () => {
    throw new Error('called');
  };
  const gateway = { settings: { allowPrivateNodes: false }, fetch } as unknown as Gateway;
  return await verifyAddress(gateway, url, 'https://gateway.example.com', publicKey).then(
    () => 'verified',
    (error: Error) => error.message,
  );
}

describe('the address of a node', () => {
  it.each([
    'https://localhost',
    'https://localhost.',
    'https://node.local.',
    'https://node.internal..',
    'https://node.home.arpa.',
    'https://node',
    'https://node.',
    'https://127.0.0.1.',
    'https://0x7f.1',
    'https://[::1]',
    'http://node.example.com',
  ])('%s is refused before it is called', async (url) => {
    expect(await outcome(url)).toContain('expected https and a public host name');
  });

  it.each(['https://node.example.com', 'https://node.example.com.', 'https://local.example.com:8443/gpu'])(
    '%s is called',
    async (url) => expect(await outcome(url)).toContain('cannot reach the node'),
  );

  it.each([
    ['https://node.example.com', true],
    ['https://node.example.com/gpu', true],
    ['https://user@node.example.com', false],
    ['https://user:pass@node.example.com', false],
    ['https://node.example.com?', false],
    ['https://node.example.com/?a=1', false],
    ['https://node.example.com/#', false],
    ['ftp://node.example.com', false],
  ])('%s in a join: %s', (url, good) => {
    expect(JoinInput.safeParse({ token: 't', name: 'n', url, publicKey }).success).toBe(good);
  });
});
