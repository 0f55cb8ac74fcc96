/** Brings a D1 database up to date with `migrations/`, recorded in the table that `wrangler d1 migrations` uses. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Miniflare } from 'miniflare';
import { Failure, sentenceOf } from '../failure.ts';

const BREAKPOINT = '--> statement-breakpoint';

/** The part of a D1 database used here. */
export type Database = Pick<Awaited<ReturnType<Miniflare['getD1Database']>>, 'prepare' | 'batch'>;

export interface Migration {
  /** The file's name, which is also its order. */
  name: string;
  statements: string[];
}

/** Reads every `*.sql` of the folder, in order of name. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => ({ name, statements: splitStatements(await readFile(join(folder, name), 'utf8')) })),
  );
}

/** The statements of one file; parts that are only comments are left out. */
export function splitStatements(sql: string): string[] {
  return sql
    .split(BREAKPOINT)
    .map((part) => part.trim())
    .filter((part) => part.split('\n').some((line) => line.trim() !== '' && !line.trim().startsWith('--')));
}

/**
 * Applies what is missing, each file as one transaction together with its record.
 * @returns the names of the files applied.
 * @throws Failure naming the file that could not be applied; those before it stay applied.
 */
export async function applyMigrations(database: Database, migrations: Migration[]): Promise<string[]> {
  await database
    .prepare(
      `CREATE TABLE IF NOT EXISTS d1_migrations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT UNIQUE,
        applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
      )`,
    )
    .run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const missing = migrations.filter((migration) => !applied.has(migration.name));
  for (const { name, statements } of missing) {
    const record = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name);
    try {
      await database.batch([...statements.map((statement) => database.prepare(statement)), record]);
    } catch (cause) {
      throw new Failure(`the migration ${name} could not be applied to the database: ${sentenceOf(cause)}`, { cause });
    }
  }
  return missing.map((migration) => migration.name);
}
