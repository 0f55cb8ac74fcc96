/** The database before anything is served: migrated, and with the first admin key in it. */
import type { Workerd } from '../processes/workerd.ts';
import { startWorkerd } from '../processes/workerd.ts';
import { adminKeyStatements } from '../secrets/admin-key-sql.ts';
import { applyMigrations, readMigrations } from './migrations.ts';

export interface DatabaseOptions {
  /** The id under which Miniflare keeps the D1 database. */
  databaseId: string;
  state: string;
  migrations: string;
  adminKey: string;
}

/** Runs a workerd of its own that has the database and no socket, so that no request can come too early. */
export async function prepareDatabase(
  options: DatabaseOptions,
  own: (stop: () => Promise<void>) => void,
): Promise<string[]> {
  const workerd: Workerd = await startWorkerd(
    {
      state: options.state,
      workers: [
        {
          name: 'database',
          modules: [{ type: 'ESModule', path: 'database.js', contents: 'export default {}' }],
          d1Databases: { DB: options.databaseId },
        },
      ],
    },
    own,
  );
  try {
    const database = await workerd.miniflare.getD1Database('DB');
    const applied = await applyMigrations(database, await readMigrations(options.migrations));
    await database.batch(adminKeyStatements(options.adminKey, Date.now()).map((sql) => database.prepare(sql)));
    return applied;
  } finally {
    await workerd.stop();
  }
}
