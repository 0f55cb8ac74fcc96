/** Admin keys of a gateway on this machine, written into its D1 on disk while it is stopped. */
import { stat } from 'node:fs/promises';
import { applyMigrations, type Database, readMigrations } from '../../standalone/src/database/migrations.ts';
import { errnoOf, Failure } from '../../standalone/src/failure.ts';
import { lockHome } from '../../standalone/src/lock.ts';
import { homePaths, projectPaths } from '../../standalone/src/paths.ts';
import { startWorkerd } from '../../standalone/src/processes/workerd.ts';
import { newAdminKey } from '../../standalone/src/secrets/admin-key-sql.ts';
import { writeFileAtomically } from '../../standalone/src/write-file.ts';
import { readNames } from '../cloudflare/deploy-config.ts';
import { countOthers, replacementKeyStatements, revokeOthersStatements } from './sql.ts';

const SECRET_MODE = 0o600;

export interface HomeKeyOptions {
  root: string;
  /** Absolute. */
  home: string;
  revokeOthers: boolean;
  /** Milliseconds since 1970. */
  now: number;
  say: (line: string) => void;
}

/**
 * Puts the new key into `<home>/admin.key`. Ended at any moment, the file holds a key that works.
 * @throws Failure when the gateway runs, or the home has none.
 */
export async function createHomeAdminKey(options: HomeKeyOptions): Promise<void> {
  const { root, now, say } = options;
  const paths = homePaths(options.home);
  await requireState(paths.state, paths.home);
  await using duties = new AsyncDisposableStack();
  // workerd keeps the database to itself while it runs.
  duties.defer(await lockHome(paths.lock, 'npm run admin:create'));
  const workerd = await startWorkerd(
    {
      state: paths.state,
      workers: [
        {
          name: 'database',
          modules: [{ type: 'ESModule', path: 'database.js', contents: 'export default {}' }],
          d1Databases: { DB: readNames(root).databaseId },
        },
      ],
    },
    (stop) => duties.defer(stop),
  );
  const database = await workerd.miniflare.getD1Database('DB');
  await applyMigrations(database, await readMigrations(projectPaths(root).migrations));

  const secret = newAdminKey();
  await runBatch(database, replacementKeyStatements(secret, now));
  await writeFileAtomically(paths.adminKey, `${secret}\n`, SECRET_MODE);
  say(`new admin key in ${paths.adminKey}: it works from the next npm start on`);
  if (!options.revokeOthers) return;
  const others = await database.prepare(countOthers(secret)).first<number>('count');
  await runBatch(database, revokeOthersStatements(secret, now));
  say(`revoked ${others} other admin key(s)`);
}

async function requireState(state: string, home: string): Promise<void> {
  try {
    await stat(state);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new Failure(`no gateway has run in ${home}: npm start -- --home DIR makes one, with its first admin key`);
  }
}

async function runBatch(database: Database, statements: string[]): Promise<void> {
  await database.batch(statements.map((statement) => database.prepare(statement)));
}
