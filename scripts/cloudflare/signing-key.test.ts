import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newGatewayKeys, thumbprint } from './signing-key.ts';

describe('newGatewayKeys', () => {
  it('is one private key that signs for its public part, another one each time', () => {
    const text = newGatewayKeys();
    const keys = JSON.parse(text);
    expect(keys).toHaveLength(1);
    const [{ d, kid, ...publicKey }] = keys;
    expect(publicKey).toEqual({ kty: 'OKP', crv: 'Ed25519', x: expect.any(String) });
    expect(kid).toBe(thumbprint(publicKey));
    const message = Buffer.from('a call');
    const signature = sign(null, message, createPrivateKey({ key: { ...publicKey, d }, format: 'jwk' }));
    expect(verify(null, message, createPublicKey({ key: publicKey, format: 'jwk' }), signature)).toBe(true);
    expect(newGatewayKeys()).not.toBe(text);
  });
});

describe('thumbprint', () => {
  it('is that of RFC 8037, appendix A.3', () => {
    const key = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
    expect(thumbprint(key)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });
});
