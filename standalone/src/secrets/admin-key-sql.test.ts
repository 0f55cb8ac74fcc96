import { describe, expect, it } from 'vitest';
import { adminKeyStatements, newAdminKey } from './admin-key-sql.ts';

describe('newAdminKey', () => {
  it('is 256 bits behind its prefix, another one each time', () => {
    expect(newAdminKey()).toMatch(/^lep_[A-Za-z0-9_-]{43}$/);
    expect(newAdminKey()).not.toBe(newAdminKey());
  });
});

describe('adminKeyStatements', () => {
  const [key = '', audit = ''] = adminKeyStatements("lep_it's a secret", 1_469_918_176_385);

  it('holds the hash and the first characters, never the secret', () => {
    expect(key).toContain("'lep_it''s a s'");
    expect(key).toMatch(/'[0-9a-f]{64}'/);
    expect(key + audit).not.toContain("it's a secret");
    expect(key + audit).not.toContain("it''s a secret");
  });

  it('names the key by a ULID of its time', () => {
    expect(key).toMatch(/'key_01ARYZ6S41[0-9A-HJKMNP-TV-Z]{16}'/);
  });
});
