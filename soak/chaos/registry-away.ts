/** Takes the registry away: whatever is asked of D1 fails, until it is given back. */
import { DatabaseSync } from 'node:sqlite';
import { d1Path } from '../support/stored.ts';

/**
 * Holds the lock of its file: D1 can write nothing, and so reads nothing either, since it writes down where each answer of it stands.
 * @returns gives it back
 */
export async function takeRegistryAway(home: string): Promise<() => void> {
  const database = new DatabaseSync(await d1Path(home), { timeout: 5_000 });
  database.exec('BEGIN IMMEDIATE');
  return () => database.close();
}
