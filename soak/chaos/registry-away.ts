/** Takes the registry away: whatever is asked of D1 fails, until it is given back. */
import { DatabaseSync } from 'node:sqlite';
import { d1Path } from '../support/stored.ts';

const AWAY = 'away_';
const TABLES = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name NOT LIKE '~_cf%' ESCAPE '~'`;

/** All tables are named otherwise from here on: no statement finds what it is about. @returns gives it back */
export async function takeRegistryAway(home: string): Promise<() => void> {
  const path = await d1Path(home);
  rename(path, (name) => `${AWAY}${name}`);
  return () => rename(path, (name) => name.slice(AWAY.length));
}

function rename(path: string, newName: (name: string) => string): void {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    const tables = database.prepare(TABLES).all() as { name: string }[];
    const statements = tables.map(({ name }) => `ALTER TABLE "${name}" RENAME TO "${newName(name)}";`);
    database.exec(`BEGIN IMMEDIATE; ${statements.join(' ')} COMMIT;`);
  } finally {
    database.close();
  }
}
