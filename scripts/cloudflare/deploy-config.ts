/** `wrangler.deploy.toml`: the committed configuration with the id that the database has in this account. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unstable_readConfig } from 'wrangler';
import { Failure } from '../../standalone/src/failure.ts';
import { writeFileAtomically } from '../../standalone/src/write-file.ts';

/** Relative paths in a configuration count from its folder, so all of these lie beside each other. */
const COMMITTED = 'wrangler.toml';
/** The Worker that models are tried in; it is deployed as it is committed. */
export const TRIAL_CONFIG = 'wrangler.trial.toml';
const GENERATED = 'wrangler.deploy.toml';
const GENERATED_FOR_DRY_RUN = 'wrangler.deploy.dry-run.toml';
const HEADER = `# Made by \`npm run deploy\` from ${COMMITTED}; not committed, because the id belongs to one account.\n`;

const DATABASE_ID = /^(\s*database_id\s*=\s*)"[^"]*"/gm;

export interface DeployNames {
  worker: string;
  trialWorker: string;
  database: string;
  bucket: string;
  /** As committed: a placeholder, and the id of the database on disk under `npm start`. */
  databaseId: string;
}

/** The part of wrangler's configuration used here; its own types come from a package that is not published. */
interface BoundConfig {
  name?: string | undefined;
  d1_databases: { binding: string; database_name?: string; database_id?: string }[];
  r2_buckets: { binding: string; bucket_name?: string }[];
  services?: { binding: string; service: string }[] | undefined;
}

/** @throws Failure when wrangler.toml does not bind what the gateway needs. */
export function readNames(root: string): DeployNames {
  const config: BoundConfig = unstable_readConfig({ config: join(root, COMMITTED) }, { hideWarnings: true });
  const database = config.d1_databases.find(({ binding }) => binding === 'DB');
  const bucket = config.r2_buckets.find(({ binding }) => binding === 'BLOBS');
  const trial: BoundConfig = unstable_readConfig({ config: join(root, TRIAL_CONFIG) }, { hideWarnings: true });
  const bound = config.services?.find(({ binding }) => binding === 'TRIAL')?.service;
  const trialBucket = trial.r2_buckets.find(({ binding }) => binding === 'BLOBS')?.bucket_name;
  if (!trial.name || bound !== trial.name || trialBucket !== bucket?.bucket_name) {
    throw new Failure(
      `${TRIAL_CONFIG}: expected the name that ${COMMITTED} binds as TRIAL, and the same R2 bucket bound as BLOBS`,
    );
  }
  if (!config.name || !database?.database_name || !database.database_id || !bucket?.bucket_name) {
    throw new Failure(`${COMMITTED}: expected a name, a D1 database bound as DB and an R2 bucket bound as BLOBS`);
  }
  return {
    worker: config.name,
    trialWorker: trial.name,
    database: database.database_name,
    databaseId: database.database_id,
    bucket: bucket.bucket_name,
  };
}

/**
 * Writes the configuration to deploy with, never the committed one.
 * @returns its path.
 */
export async function writeDeployConfig(root: string, databaseId: string, { dryRun = false } = {}): Promise<string> {
  const committed = await readFile(join(root, COMMITTED), 'utf8');
  const path = join(root, dryRun ? GENERATED_FOR_DRY_RUN : GENERATED);
  await writeFileAtomically(path, HEADER + withDatabaseId(committed, databaseId));
  return path;
}

/**
 * The same TOML with another `database_id`; all else, comments too, stays as it is.
 * @throws Failure unless there is exactly one to replace.
 */
export function withDatabaseId(toml: string, databaseId: string): string {
  const count = toml.match(DATABASE_ID)?.length ?? 0;
  if (count !== 1) throw new Failure(`${COMMITTED}: expected exactly one line database_id = "…", found ${count}`);
  return toml.replace(DATABASE_ID, (_, key: string) => `${key}"${databaseId}"`);
}
