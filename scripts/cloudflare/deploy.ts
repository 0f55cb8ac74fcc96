/** The way of a gateway to Cloudflare: steps that each find their work done or do it, so that any run can be repeated. */
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureFirstAdminKey } from '../admin-keys/remote.ts';
import { type DeployNames, readNames, TRIAL_CONFIG, writeDeployConfig } from './deploy-config.ts';
import { ensureBucket, findOrCreateDatabase, requireLogin } from './resources.ts';
import { newGatewayKeys } from './signing-key.ts';
import { workerAddress } from './worker-address.ts';
import type { Wrangler } from './wrangler.ts';

const SECRET = 'GATEWAY_KEYS';

export interface DeployOptions {
  /** The repository. */
  root: string;
  wrangler: Wrangler;
  buildConsole: () => Promise<void>;
  /** Gets one line a step; never a secret. */
  say: (line: string) => void;
}

export interface Deployed {
  /** Where the gateway answers; `undefined` when wrangler named no address. */
  url: string | undefined;
  /** The first admin key, if this run made it: it is known nowhere else. */
  adminKey: string | undefined;
}

/** @throws Failure at the first step that fails; what was done before stays, and the next run goes on from there. */
export async function deploy(options: DeployOptions): Promise<Deployed> {
  const { root, wrangler, say } = options;
  const names = readNames(root);
  say(`login: ${await requireLogin(wrangler)}`);
  const database = await findOrCreateDatabase(wrangler, names.database);
  say(`D1 database ${names.database}: ${database.created ? 'created' : 'found'}, ${database.id}`);
  const bucketCreated = await ensureBucket(wrangler, names.bucket);
  say(`R2 bucket ${names.bucket}: ${bucketCreated ? 'created' : 'found'}`);
  const config = await writeDeployConfig(root, database.id);
  say('wrangler.deploy.toml: written, with the id of the database');
  await options.buildConsole();
  say('console: built');
  say(`migrations: ${await applyMigrations(wrangler, config)}`);
  // First: the gateway's own deployment is refused while what it binds is not there.
  await wrangler.call(`deploying the Worker ${names.trialWorker}`, ['deploy', '--config', join(root, TRIAL_CONFIG)]);
  say(`Worker ${names.trialWorker}: deployed`);
  const url = await deployWorker(wrangler, config, names);
  say(`Worker ${names.worker}: deployed${url ? ` to ${url}` : ''}`);
  say(`secret ${SECRET}: ${(await ensureSecret(wrangler, config)) ? 'set' : 'already set'}`);
  const adminKey = await ensureFirstAdminKey({ wrangler, config }, Date.now());
  say(`admin key: ${adminKey ? 'made' : 'there is one already (npm run admin:create makes another)'}`);
  return { url, adminKey };
}

/** Everything that needs no account is done, the rest is told. Leaves nothing behind but the built console. */
export async function dryRun({ root, wrangler, buildConsole, say }: DeployOptions): Promise<void> {
  const names = readNames(root);
  await buildConsole();
  say('console: built');
  const config = await writeDeployConfig(root, names.databaseId, { dryRun: true });
  try {
    const output = await wrangler.call('building the Worker', ['deploy', '--dry-run', '--config', config]);
    say(`Worker ${names.worker}: built${sizeIn(output)}`);
    const trial = ['deploy', '--dry-run', '--config', join(root, TRIAL_CONFIG)];
    say(`Worker ${names.trialWorker}: built${sizeIn(await wrangler.call('building the trial Worker', trial))}`);
  } finally {
    await rm(config, { force: true });
  }
  say(`would check the login, and find or create the D1 database ${names.database} and the R2 bucket ${names.bucket}`);
  say('would write wrangler.deploy.toml with the id of the database');
  say('would apply the migrations that the database lacks');
  say(`would deploy the Workers ${names.trialWorker} and ${names.worker}`);
  say(`would set the secret ${SECRET} unless it is set`);
  say('would make the first admin key unless there is one');
}

function sizeIn(output: string): string {
  const size = /^Total Upload: *(.+)$/m.exec(output)?.[1];
  return size ? `, ${size}` : '';
}

async function applyMigrations(wrangler: Wrangler, config: string): Promise<string> {
  const args = ['d1', 'migrations', 'apply', 'DB', '--remote', '--config', config];
  const output = await wrangler.call('applying the migrations', args);
  return output.includes('No migrations to apply') ? 'nothing to apply' : 'applied';
}

async function deployWorker(wrangler: Wrangler, config: string, { worker }: DeployNames): Promise<string | undefined> {
  const report = join(tmpdir(), `lepton-deploy-${randomUUID()}.ndjson`);
  const env = { WRANGLER_OUTPUT_FILE_PATH: report };
  try {
    await wrangler.call(`deploying the Worker ${worker}`, ['deploy', '--config', config], { env });
    return workerAddress(await readFile(report, 'utf8'));
  } finally {
    await rm(report, { force: true });
  }
}

/** @returns whether it had to be set. A key that is in use is never replaced: nodes would refuse the gateway. */
async function ensureSecret(wrangler: Wrangler, config: string): Promise<boolean> {
  const list = ['secret', 'list', '--format', 'json', '--config', config];
  const secrets = await wrangler.callForRows('listing the secrets of the Worker', list, ['name']);
  if (secrets.some(({ name }) => name === SECRET)) return false;
  const put = ['secret', 'put', SECRET, '--config', config];
  await wrangler.call(`setting the secret ${SECRET}`, put, { input: newGatewayKeys() });
  return true;
}
