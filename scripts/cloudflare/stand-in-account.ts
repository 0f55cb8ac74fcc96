/** A temporary repository and account for one test of the deployment, with the stand-in of wrangler between them. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import type { Account, Call } from './stand-in-wrangler.ts';
import { Wrangler } from './wrangler.ts';

const STAND_IN = fileURLToPath(new URL('stand-in-wrangler.ts', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export class StandInAccount {
  /** A folder with the real `wrangler.toml` and `migrations/`. */
  readonly root: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.root = join(folder, 'repository');
  }

  static async create(): Promise<StandInAccount> {
    const made = new StandInAccount(await mkdtemp(join(tmpdir(), 'lepton-deploy-')));
    await mkdir(made.root);
    for (const name of ['wrangler.toml', 'wrangler.trial.toml']) {
      await cp(join(REPOSITORY, name), join(made.root, name));
    }
    await cp(join(REPOSITORY, 'migrations'), join(made.root, 'migrations'), { recursive: true });
    await made.#write({ loggedIn: true, databases: [], buckets: [], deployed: false, secrets: {}, refuses: {} });
    return made;
  }

  get wrangler(): Wrangler {
    const command = ['env', `STAND_IN_ACCOUNT=${this.#folder}`, process.execPath, '--no-warnings', STAND_IN];
    return new Wrangler({ command, cwd: this.root });
  }

  async read(): Promise<Account> {
    return JSON.parse(await readFile(join(this.#folder, 'account.json'), 'utf8'));
  }

  async change(part: Partial<Account>): Promise<void> {
    await this.#write({ ...(await this.read()), ...part });
  }

  async calls(): Promise<Call[]> {
    const lines = (await readFile(join(this.#folder, 'calls.ndjson'), 'utf8')).trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  /** The files at the root of the repository. */
  async files(): Promise<string[]> {
    return (await readdir(this.root)).sort();
  }

  /** Rows of the account's only database. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    return this.#inDatabase((database) => database.prepare(sql).all());
  }

  async execute(sql: string): Promise<void> {
    await this.#inDatabase((database) => database.exec(sql));
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }

  async #inDatabase<T>(work: (database: DatabaseSync) => T): Promise<T> {
    const [row] = (await this.read()).databases;
    const database = new DatabaseSync(join(this.#folder, `${row?.uuid}.sqlite`));
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  async #write(account: Account): Promise<void> {
    await writeFile(join(this.#folder, 'account.json'), JSON.stringify(account));
  }
}
