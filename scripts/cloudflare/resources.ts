/** What a deployment stands on in the account: the login, the D1 database, the R2 bucket. Found, or made. */
import { Failure } from '../../standalone/src/failure.ts';
import { parseJson, refusal, type Wrangler } from './wrangler.ts';

/** Of Cloudflare's API, for a bucket that this account has already. */
const BUCKET_EXISTS = '[code: 10004]';

/**
 * @returns who is logged in, for a line to show.
 * @throws Failure that says how to log in.
 */
export async function requireLogin(wrangler: Wrangler): Promise<string> {
  const outcome = await wrangler.attempt(['whoami', '--json']);
  const answer = parseJson(outcome.stdout) as { loggedIn?: unknown; email?: unknown } | undefined;
  if (answer?.loggedIn === true) return typeof answer.email === 'string' ? answer.email : 'an API token';
  if (answer?.loggedIn === false) {
    throw new Failure(
      'not logged in to Cloudflare: run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN to a token that may edit Workers, D1 and R2. ' +
        'The account needs Workers Paid: the 10 ms of CPU of the free plan cannot start ONNX Runtime.',
    );
  }
  throw refusal('checking the login', outcome);
}

/** The id of the database with this name, if there is one. */
export async function findDatabase(wrangler: Wrangler, name: string): Promise<string | undefined> {
  const databases = await wrangler.callForRows('listing the D1 databases', ['d1', 'list', '--json'], ['name', 'uuid']);
  return databases.find((database) => database.name === name)?.uuid;
}

export async function findOrCreateDatabase(
  wrangler: Wrangler,
  name: string,
): Promise<{ id: string; created: boolean }> {
  const found = await findDatabase(wrangler, name);
  if (found) return { id: found, created: false };
  await wrangler.call(`creating the D1 database ${name}`, ['d1', 'create', name]);
  // What `d1 create` prints is meant for people; the list has the id in a form that keeps.
  const id = await findDatabase(wrangler, name);
  if (!id) {
    throw new Failure(
      `the D1 database ${name} was created but is not listed yet: run npm run deploy again in a minute`,
    );
  }
  return { id, created: true };
}

/** @returns whether it had to be created. */
export async function ensureBucket(wrangler: Wrangler, name: string): Promise<boolean> {
  const list = await wrangler.call('listing the R2 buckets', ['r2', 'bucket', 'list']);
  const names = [...list.matchAll(/^name:\s+(\S+)\s*$/gm)].map(([, found]) => found);
  if (names.includes(name)) return false;
  const outcome = await wrangler.attempt(['r2', 'bucket', 'create', name]);
  if (outcome.ok) return true;
  // The list ends after its first page.
  if ((outcome.stderr + outcome.stdout).includes(BUCKET_EXISTS)) return false;
  throw refusal(`creating the R2 bucket ${name}`, outcome);
}
