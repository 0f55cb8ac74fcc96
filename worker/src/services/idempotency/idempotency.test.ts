import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import type { Gateway } from '../../context.ts';
import { openDatabase } from '../../db/database.ts';
import { claim } from './claim.ts';
import { freeKey, isKept, keepAnswer } from './keep.ts';

const SLOT = { keyId: 'key_1', target: 'POST /api/models', idempotencyKey: 'a' };

function setup() {
  const { sqlite, binding } = openD1();
  const world = { now: 1_000 };
  const gateway = { db: openDatabase(binding as D1Database), now: () => world.now } as unknown as Gateway;
  const take = async (digest = 'd', slot = SLOT) => await claim(gateway, slot, digest, 60_000);
  const taken = async () => {
    const claimed = await take();
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    return claimed.lease;
  };
  return { sqlite, world, gateway, take, taken };
}

describe('an idempotency key', () => {
  it('is claimed by exactly one of many at once', async () => {
    const { take } = setup();
    const kinds = (await Promise.all(Array.from({ length: 20 }, () => take()))).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'under way')).toHaveLength(19);
  });

  it('is of one API key, method and path', async () => {
    const { take } = setup();
    for (const slot of [SLOT, { ...SLOT, keyId: 'key_2' }, { ...SLOT, target: 'POST /api/teams' }]) {
      expect(await take('d', slot)).toMatchObject({ kind: 'claimed' });
    }
  });

  it('gives the answer for a day', async () => {
    const { gateway, take, taken, world } = setup();
    await keepAnswer(gateway, await taken(), { status: 201, headers: { location: '/x' }, body: '{}' });
    const answered = { kind: 'answered', bodyDigest: 'd', status: 201, headers: { location: '/x' }, body: '{}' };
    expect(await take('other')).toEqual(answered);
    world.now += 24 * 3_600_000 - 1;
    expect(await take()).toEqual(answered);
    world.now += 1;
    expect(await take()).toMatchObject({ kind: 'claimed' });
  });

  it('is free after a failure that may go away', async () => {
    const { gateway, take, taken, sqlite } = setup();
    await freeKey(gateway, await taken());
    expect(sqlite.prepare('SELECT * FROM idempotency').all()).toEqual([]);
    expect(await take()).toMatchObject({ kind: 'claimed' });
  });

  it('is taken from a run that died, which then changes nothing any more', async () => {
    const { gateway, take, taken, world } = setup();
    const dead = await taken();
    world.now += 59_999;
    expect(await take()).toMatchObject({ kind: 'under way', leaseUntil: 61_000 });
    world.now += 1;
    const next = await taken();
    await keepAnswer(gateway, dead, { status: 201, headers: {}, body: 'dead' });
    await freeKey(gateway, dead);
    expect(await take()).toMatchObject({ kind: 'under way' });
    await keepAnswer(gateway, next, { status: 201, headers: {}, body: 'next' });
    await freeKey(gateway, dead);
    expect(await take()).toMatchObject({ kind: 'answered', body: 'next' });
  });

  it('keeps no body that is too long for a row', async () => {
    const { gateway, take, taken } = setup();
    await keepAnswer(gateway, await taken(), { status: 202, headers: { location: '/x' }, body: 'x'.repeat(600_000) });
    expect(await take()).toMatchObject({ kind: 'answered', status: 202, body: null });
  });

  it.each([
    [201, undefined, true],
    [400, 'invalid_request', true],
    [404, 'team_not_found', true],
    [409, 'name_taken', true],
    [422, 'model_invalid', true],
    [404, 'blob_not_found', false],
    [409, 'revision_conflict', false],
    [409, 'upload_incomplete', false],
    [429, 'overloaded', false],
    [500, 'internal', false],
    [503, 'unavailable', false],
    [500, undefined, false],
  ])('keeps %i %s: %s', (status, code, kept) => expect(isKept(status, code)).toBe(kept));
});
