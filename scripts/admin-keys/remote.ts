/** Admin keys in the database of a deployed gateway, through `wrangler d1 execute --remote`. */
import { Failure } from '../../standalone/src/failure.ts';
import { adminKeyStatements, newAdminKey } from '../../standalone/src/secrets/admin-key-sql.ts';
import { readNames, writeDeployConfig } from '../cloudflare/deploy-config.ts';
import { findDatabase, requireLogin } from '../cloudflare/resources.ts';
import { parseJson, type Wrangler } from '../cloudflare/wrangler.ts';
import { countAdminKeys, countOthers, replacementKeyStatements, revokeOthersStatements } from './sql.ts';

export interface RemoteDatabase {
  wrangler: Wrangler;
  /** The configuration with the database's real id, in which it is bound as DB. */
  config: string;
}

/**
 * Makes an admin key if the database has none that works.
 * @returns the secret, which is known nowhere else; `undefined` when there was a key.
 */
export async function ensureFirstAdminKey(database: RemoteDatabase, now: number): Promise<string | undefined> {
  if ((await count(database, countAdminKeys(now))) > 0) return undefined;
  const secret = newAdminKey();
  await execute(database, 'writing the hash of the first admin key', adminKeyStatements(secret, now));
  return secret;
}

export interface ReplaceOptions {
  root: string;
  wrangler: Wrangler;
  revokeOthers: boolean;
  now: number;
  /** Gets the new secret as soon as it works, before any other key is revoked. */
  onKey: (secret: string) => void;
  say: (line: string) => void;
}

/** @throws Failure when nobody is logged in, or nothing is deployed. */
export async function createRemoteAdminKey(options: ReplaceOptions): Promise<void> {
  const { root, wrangler, now, say } = options;
  await requireLogin(wrangler);
  const names = readNames(root);
  const id = await findDatabase(wrangler, names.database);
  if (!id) {
    throw new Failure(
      `the account has no D1 database ${names.database}: deploy the gateway first with npm run deploy, ` +
        'or name the home of a gateway on this machine with --home .lepton',
    );
  }
  const database = { wrangler, config: await writeDeployConfig(root, id) };
  const secret = newAdminKey();
  await execute(database, 'writing the hash of the new admin key', replacementKeyStatements(secret, now));
  options.onKey(secret);
  if (!options.revokeOthers) return;
  const others = await count(database, countOthers(secret));
  if (others > 0) await execute(database, 'revoking the other admin keys', revokeOthersStatements(secret, now));
  say(`revoked ${others} other admin key(s): they stop within 10 s`);
}

async function count(database: RemoteDatabase, sql: string): Promise<number> {
  const answer = await execute(database, 'reading the admin keys', [sql]);
  const [first] = (parseJson(answer) ?? []) as { results?: { count?: unknown }[] }[];
  const value = first?.results?.[0]?.count;
  if (typeof value === 'number') return value;
  throw new Failure(`reading the admin keys failed: expected a row with a count, wrangler answered\n\n${answer}`);
}

/** Several statements are one batch: all of them take effect, or none. */
async function execute({ wrangler, config }: RemoteDatabase, what: string, statements: string[]): Promise<string> {
  const sql = statements.join(';\n');
  return wrangler.call(what, ['d1', 'execute', 'DB', '--remote', '--json', '--config', config, '--command', sql]);
}
