import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import { openDatabase } from '../../db/database.ts';
import { LastUse } from './last-use.ts';

describe('the last use of keys', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'Date'], now: 1_000_000 }));
  afterEach(() => void vi.useRealTimers());

  /** Three keys, and how many writes came to the database. */
  function newKeys() {
    const { sqlite, binding } = openD1();
    for (const id of ['a', 'b', 'c']) {
      sqlite.exec(`INSERT INTO api_keys (id, team_id, name, prefix, hash, scopes, created_at)
        VALUES ('${id}', 'team_default', '${id}', 'p', '${id}', '[]', 0)`);
    }
    const db = openDatabase(binding as D1Database);
    const write = vi.spyOn(db, 'run');
    const lastUse = new LastUse(db, Date.now);
    const after: Promise<unknown>[] = [];
    const use = (id: string) => lastUse.note(id, (promise) => after.push(promise));
    const used = () =>
      sqlite
        .prepare('SELECT last_used_at AS at FROM api_keys ORDER BY id')
        .all()
        .map(({ at }) => at);
    const settle = async () => {
      await vi.advanceTimersByTimeAsync(2_000);
      await Promise.all(after);
    };
    return { use, used, write, settle, after };
  }

  it('is written once a minute for each key, many in one write', async () => {
    const { use, used, write, settle } = newKeys();
    for (let i = 0; i < 100; i++) use(i % 2 ? 'a' : 'b');
    expect(write).not.toHaveBeenCalled();
    await settle();
    expect(used()).toEqual([1_000_000, 1_000_000, null]);
    use('a');
    await settle();
    expect(write).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(60_000);
    use('a');
    use('nobody');
    await settle();
    expect(used()).toEqual([1_064_000, 1_000_000, null]);
    expect(write).toHaveBeenCalledTimes(2);
  });

  it('never fails a request, nor the next write', async () => {
    const { use, used, write, settle, after } = newKeys();
    write.mockRejectedValueOnce(new Error('the database is away'));
    use('a');
    await settle();
    await expect(Promise.all(after)).resolves.toBeDefined();
    use('c');
    await settle();
    expect(used()).toEqual([null, null, 1_002_000]);
  });

  it('is written although the request that began it went away', async () => {
    const { use, used, write } = newKeys();
    write.mockReturnValueOnce(new Promise(() => {}) as never);
    use('a');
    await vi.advanceTimersByTimeAsync(31_000);
    use('b');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(used()).toEqual([null, 1_031_000, null]);
  });
});
