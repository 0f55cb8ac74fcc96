/** Our SHA-256 against OpenSSL's. */
import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { Sha256 } from './sha256.ts';

it('agrees with OpenSSL at every length around the block borders, in one piece and in many', () => {
  for (const length of [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000, 70_001]) {
    const bytes = new Uint8Array(randomBytes(length));
    const expected = createHash('sha256').update(bytes).digest('hex');
    const whole = new Sha256();
    whole.update(bytes);
    expect(whole.hex(), `${length} bytes`).toBe(expected);
    const pieces = new Sha256();
    for (let at = 0, size = 1; at < length; at += size, size = (size * 7) % 131 || 1) {
      pieces.update(bytes.subarray(at, at + size));
    }
    expect(pieces.hex(), `${length} bytes in pieces`).toBe(expected);
  }
});
