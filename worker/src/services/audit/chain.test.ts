import { describe, expect, it } from 'vitest';
import { type ChainRow, checkChain, checkEnd, extendChain, hashOf } from './chain.ts';

const row = (seq: number, detail = '{"b":1,"a":"ü"}'): ChainRow => ({
  seq,
  at: 1_700_000_000_000,
  actor: 'key_1',
  teamId: 'team_1',
  action: 'model.create',
  subject: 'model/digits',
  model: 'digits',
  detail,
  hash: null,
});

/** Rows as they stand in the log after sealing. */
async function sealed(count: number): Promise<ChainRow[]> {
  const rows = Array.from({ length: count }, (_, i) => row(i + 1));
  const hashes = await extendChain(undefined, rows);
  return rows.map((each, i) => ({ ...each, hash: hashes[i]?.hash ?? null }));
}

describe('the chain', () => {
  it('is SHA-256 over RFC 8785 JSON: the first hash, computed with sha256sum', async () => {
    // {"action":"model.create","actor":"key_1","at":1700000000000,"detail":{"a":"ü","b":1},"model":"digits",
    //  "previous":"","seq":1,"subject":"model/digits","teamId":"team_1"} without the break
    expect(await hashOf('', row(1))).toBe('a3f4025d547fa37db77d864a4ffbb2297e73d09bb449efdd08f7dbae2daebd11');
    expect(await hashOf('', row(1, '{ "a": "ü", "b": 1.0 }'))).toBe(await hashOf('', row(1)));
  });

  it('hashes what RFC 8785 refuses: half a surrogate pair', async () => {
    expect(await hashOf('', row(1, '{"a":"\\ud800","\\udfff":1}'))).toBe(
      await hashOf('', row(1, '{"a":"\\ufffd","\\ufffd":1}')),
    );
  });

  it('continues over chunks', async () => {
    const rows = await sealed(5);
    const first = await checkChain(undefined, rows.slice(0, 2));
    const end = await checkChain(first, rows.slice(2));
    expect(end).toEqual({ seq: 5, hash: rows[4]?.hash });
    expect(() => checkEnd(end, { seq: 5, hash: rows[4]?.hash ?? '' })).not.toThrow();
  });

  const at3 = (change: Partial<ChainRow>) => (rows: ChainRow[]) =>
    rows.map((each) => (each.seq === 3 ? { ...each, ...change } : each));

  it.each<[string, (rows: ChainRow[]) => ChainRow[], RegExp]>([
    ['another time', at3({ at: 1 }), /entry 3 was changed/],
    ['another actor', at3({ actor: 'key_2' }), /entry 3 was changed/],
    ['another team', at3({ teamId: 'team_2' }), /entry 3 was changed/],
    ['another action', at3({ action: 'model.delete' }), /entry 3 was changed/],
    ['another subject', at3({ subject: 'model/x' }), /entry 3 was changed/],
    ['another model', at3({ model: null }), /entry 3 was changed/],
    ['another detail', at3({ detail: '{}' }), /entry 3 was changed/],
    ['a detail that is no JSON', at3({ detail: '{' }), /entry 3 was changed/],
    ['a detail that cannot be hashed', at3({ detail: '{"a":1e999}' }), /entry 3 was changed/],
    ['another hash', at3({ hash: 'f'.repeat(64) }), /entry 3 was changed/],
    ['no hash', at3({ hash: null }), /entry 3 was inserted later or has lost its hash/],
    ['a row taken out', (rows) => rows.filter(({ seq }) => seq !== 3), /entry 3 is missing/],
    ['two rows taken out', (rows) => rows.filter(({ seq }) => seq !== 3 && seq !== 4), /entries 3 to 4 are missing/],
    ['the first row taken out', (rows) => rows.slice(1), /entry 1 is missing/],
    ['a row inserted', (rows) => [row(0), ...rows], /entry 0 was inserted/],
    ['rows swapped', at3({ seq: 4 }), /entry 3 is missing/],
  ])('is broken by %s', async (_what, tamper, sentence) => {
    await expect(checkChain(undefined, tamper(await sealed(5)))).rejects.toMatchObject({
      code: 'audit_broken',
      message: expect.stringMatching(sentence),
    });
  });

  it('must end where it was sealed', async () => {
    const rows = await sealed(5);
    const head = { seq: 5, hash: rows[4]?.hash ?? '' };
    const cut = await checkChain(undefined, rows.slice(0, 3));
    expect(() => checkEnd(cut, head)).toThrow(/entries 4 to 5 are missing: the end of the log was cut off/);
    expect(() => checkEnd(undefined, head)).toThrow(/entries 1 to 5 are missing/);
    expect(() => checkEnd({ seq: 5, hash: 'x' }, head)).toThrow(/entry 5 is not the one that was sealed/);
  });
});
