import { eq, sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../test/support/d1-on-sqlite.ts';
import { databaseAway, openDatabase } from './database.ts';
import { teams } from './schema.ts';

/** What comes of a statement alone and of a batch, where D1 fails with this. */
async function failuresOf(failure: Error) {
  const fail = () => Promise.reject(failure);
  const statement = { bind: () => statement, run: fail, all: fail, raw: fail };
  const db = openDatabase({ prepare: () => statement, batch: fail } as unknown as D1Database);
  const select = db.select().from(teams).where(eq(teams.name, 'SQLITE_ERROR'));
  const runs = [select, db.run(sql`SELECT 1`), db.batch([db.select().from(teams)])];
  return await Promise.all(runs.map(async (run) => databaseAway(await Promise.resolve(run).catch((error) => error))));
}

describe('a failure of D1', () => {
  it.each([
    'Network connection lost.',
    'D1_ERROR: Network connection lost.',
    'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
    'D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.',
    'D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.',
    'D1_ERROR: database is locked: SQLITE_BUSY',
    'D1_ERROR: disk I/O error: SQLITE_IOERR',
    'D1_ERROR: Failed to get session commit token: internal error; reference = 0',
  ])('is a database that is away: %s', async (message) => {
    for (const error of await failuresOf(new Error(message))) {
      expect(error).toMatchObject({ code: 'unavailable', retryAfterSeconds: 1, cause: expect.anything() });
    }
  });

  it.each([
    'D1_ERROR: UNIQUE constraint failed: teams.name: SQLITE_CONSTRAINT',
    'D1_ERROR: NOT NULL constraint failed: teams.name: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_NOTNULL)',
    'D1_ERROR: near "SELEC": syntax error at offset 0: SQLITE_ERROR',
    'D1_ERROR: no such column: nobody at offset 7: SQLITE_ERROR',
    'D1_ERROR: Wrong number of parameter bindings for SQL query.',
    'D1_ERROR: No SQL statements detected.',
    'D1_ERROR: SQL code did not contain a statement.',
    'D1_ERROR: To execute a transaction, please use the state.storage.transaction() API',
    'x is not a function',
    'Cannot perform I/O on behalf of a different request.',
    "D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'",
  ])('is an answer, and so a fault of ours: %s', async (message) => {
    const failure = new Error(message, { cause: new Error(message.replace('D1_ERROR: ', '')) });
    expect(await failuresOf(failure)).toEqual([undefined, undefined, undefined]);
  });

  it('is none of what fails elsewhere', async () => {
    expect(databaseAway(new Error('Network connection lost.'))).toBeUndefined();
    const db = openDatabase(openD1().binding as D1Database);
    expect(await db.batch([db.select().from(teams)])).toEqual([[expect.objectContaining({ id: 'team_default' })]]);
  });
});
