/**
 * Cloudflare for the tests: a program with wrangler's commands and the forms of its answers, over a folder that is the
 * account. Its D1 is a real SQLite file. Every call is recorded with its arguments and its input.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';

/** `account.json`; the test writes it before, and reads it after. */
export interface Account {
  loggedIn: boolean;
  databases: { uuid: string; name: string }[];
  buckets: string[];
  deployed: boolean;
  secrets: Record<string, string>;
  /** Commands that are refused, and with what words. */
  refuses: Record<string, string>;
}

/** One line of `calls.ndjson`. */
export interface Call {
  args: string[];
  input: string;
}

const folder = process.env.STAND_IN_ACCOUNT ?? '';
const accountFile = join(folder, 'account.json');
const account: Account = JSON.parse(readFileSync(accountFile, 'utf8'));
const args = process.argv.slice(2);
const input = await text(process.stdin);
appendFileSync(join(folder, 'calls.ndjson'), `${JSON.stringify({ args, input } satisfies Call)}\n`);

const say = (line: string) => process.stdout.write(`${line}\n`);

function refuse(words: string): never {
  process.stderr.write(
    `\u001b[31m✘ \u001b[41;31m[\u001b[41;97mERROR\u001b[41;31m]\u001b[0m \u001b[1m${words}\u001b[0m\n`,
  );
  process.exit(1);
}

function flag(name: string): string {
  const value = args[args.indexOf(`--${name}`) + 1];
  if (!args.includes(`--${name}`) || value === undefined) refuse(`Missing required argument: ${name}`);
  return value;
}

/** The database that the named configuration binds; the wrong one has no tables. */
function database(): DatabaseSync {
  if (!args.includes('--remote')) refuse('expected --remote: without it the database on this machine is meant');
  const id = /^database_id = "(.+)"$/m.exec(readFileSync(flag('config'), 'utf8'))?.[1];
  if (!account.databases.some(({ uuid }) => uuid === id)) refuse('The database could not be found [code: 7404]');
  return new DatabaseSync(join(folder, `${id}.sqlite`));
}

function inTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    refuse(`${(error as Error).message}: SQLITE_ERROR [code: 7500]`);
  }
}

const commands: Record<string, () => void> = {
  whoami() {
    if (account.loggedIn) {
      say(JSON.stringify({ loggedIn: true, authType: 'OAuth Token', email: 'op@example.com', accounts: [] }, null, 4));
    } else {
      say('{"loggedIn":false}');
      process.exit(1);
    }
  },
  'd1 list'() {
    const rows = account.databases.map((row) => ({ ...row, version: 'production', num_tables: 0 }));
    say(JSON.stringify(rows, null, 2));
  },
  'd1 create'() {
    const name = args[2] ?? '';
    if (account.databases.some((row) => row.name === name)) refuse(`A database with that name already exists`);
    account.databases.push({ uuid: randomUUID(), name });
    say(`✅ Successfully created DB '${name}' in region WEUR\nCreated your new D1 database.`);
  },
  'd1 migrations'() {
    const migrations = join(dirname(flag('config')), 'migrations');
    const db = database();
    db.exec('CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY, name TEXT UNIQUE)');
    const applied = new Set(
      db
        .prepare('SELECT name FROM d1_migrations')
        .all()
        .map((row) => row.name),
    );
    const names = readdirSync(migrations)
      .filter((name) => name.endsWith('.sql') && !applied.has(name))
      .sort();
    if (names.length === 0) return say('✅ No migrations to apply!');
    for (const name of names) {
      inTransaction(db, () => {
        db.exec(readFileSync(join(migrations, name), 'utf8'));
        db.prepare('INSERT INTO d1_migrations (name) VALUES (?)').run(name);
      });
    }
    say(`Migrations to be applied:\n${names.join('\n')}`);
  },
  'd1 execute'() {
    const db = database();
    const answers: unknown[] = [];
    inTransaction(db, () => {
      for (const statement of flag('command').split(/;\n/)) {
        answers.push({ results: db.prepare(statement).all(), success: true, meta: { duration: 0.2 } });
      }
    });
    say(JSON.stringify(answers, null, 2));
  },
  'r2 bucket list'() {
    const blocks = account.buckets.map((name) => `name:           ${name}\ncreation_date:  2026-11-01T00:00:00.000Z`);
    say(['Listing buckets...', blocks.join('\n\n')].join('\n'));
  },
  'r2 bucket create'() {
    const name = args[3] ?? '';
    if (account.buckets.includes(name)) refuse(`The bucket already exists, and you own it. [code: 10004]`);
    account.buckets.push(name);
    say(`✅ Created bucket '${name}' with default storage class of Standard.`);
  },
  deploy() {
    if (!existsSync(flag('config'))) refuse('Could not read the configuration');
    say('Total Upload: 14000.00 KiB / gzip: 4000.00 KiB');
    if (args.includes('--dry-run')) return say('--dry-run: exiting now.');
    account.deployed = true;
    const targets = ['https://lepton-edge.acme.workers.dev'];
    const report = process.env.WRANGLER_OUTPUT_FILE_PATH;
    if (report) appendFileSync(report, `${JSON.stringify({ type: 'deploy', version: 1, targets })}\n`);
  },
  'secret list'() {
    if (!account.deployed) refuse('Worker "lepton-edge" not found.');
    say(
      JSON.stringify(
        Object.keys(account.secrets).map((name) => ({ name, type: 'secret_text' })),
        null,
        '  ',
      ),
    );
  },
  'secret put'() {
    account.secrets[args[2] ?? ''] = input.trimEnd();
    say(`✨ Success! Uploaded secret ${args[2]}`);
  },
};

const name = Object.keys(commands).find((words) => args.join(' ').startsWith(words));
if (name === undefined) refuse(`Unknown arguments: ${args.join(', ')}`);
if (account.refuses[name]) refuse(account.refuses[name]);
commands[name]?.();
writeFileSync(accountFile, JSON.stringify(account));
