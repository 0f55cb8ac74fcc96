/** The D1 database, typed by the schema, and what its failures mean. */
import { LeptonError } from '@lepton-edge/protocol';
import { DrizzleQueryError } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/d1';
import * as schema from './schema.ts';

export function openDatabase(binding: D1Database) {
  const batch: D1Database['batch'] = async (statements) => {
    try {
      return await binding.batch(statements);
    } catch (cause) {
      // Drizzle says so itself of a statement alone, but not of a batch.
      throw new DrizzleQueryError('a batch', [], cause as Error);
    }
  };
  const client: Pick<D1Database, 'prepare' | 'batch'> = { prepare: (query) => binding.prepare(query), batch };
  return drizzle(client as D1Database, { schema });
}

export type Database = ReturnType<typeof openDatabase>;

/**
 * Says that a statement was read and cannot be done: SQLite's code for it, which stands at the end, that of D1's binding, or what
 * workerd says of one that is none.
 */
const REFUSAL =
  /\bSQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|AUTH|MISUSE)|^D1_(TYPE_ERROR|COLUMN_NOTFOUND)|Wrong number of parameter bindings|No SQL statements detected|did not contain a statement|To execute a transaction, please use/;
/** A connection to D1 that broke says so without D1's name. */
const LOST = /^Network connection lost/;
const RETRY_SECONDS = 1;

/**
 * What a failure of D1 is for whoever asked: `unavailable` where the database could not be reached, or cannot work now (a lost
 * connection, a reset, an overload, a lock, its disk). Undefined where it answered that it cannot do the statement, which is a
 * fault of ours, and for what is no failure of D1 at all.
 * Source: "Error list" of https://developers.cloudflare.com/d1/observability/debug-d1/; none of those about the database itself has a code of SQLite.
 */
export function databaseAway(error: unknown): LeptonError | undefined {
  // What Drizzle says itself quotes the statement and its parameters.
  const said = messages(error).filter((text) => !text.startsWith('Failed query: '));
  const isLost = error instanceof DrizzleQueryError && said.some((text) => LOST.test(text));
  const isOfDatabase = isLost || said.some((text) => text.startsWith('D1_'));
  if (!isOfDatabase || said.some((text) => REFUSAL.test(text))) return undefined;
  const sentence = `the registry’s database cannot be reached now: try again in ${RETRY_SECONDS} s; of a change, look first whether it was made`;
  return new LeptonError('unavailable', sentence, { cause: error, retryAfterSeconds: RETRY_SECONDS });
}

/** Whether a write failed because a row with that unique value exists (`column` as `table.column`). */
export function isUniqueViolation(error: unknown, column: string): boolean {
  return messages(error).some((text) => text.includes('UNIQUE constraint failed') && text.includes(column));
}

/** Whether a write failed because a row that it refers to is not there. */
export function isForeignKeyViolation(error: unknown): boolean {
  return messages(error).some((text) => text.includes('FOREIGN KEY constraint failed'));
}

/** Whether a write failed because a precondition, written as a value that is NULL when it does not hold, did not hold. */
export function isPreconditionFailure(error: unknown, column: string): boolean {
  return messages(error).some((text) => text.includes(`NOT NULL constraint failed: ${column}`));
}

function messages(error: unknown): string[] {
  const texts: string[] = [];
  for (let e: unknown = error; e instanceof Error; e = e.cause) texts.push(e.message);
  return texts;
}
