/** D1's interface on a SQLite database in memory with every migration applied: for tests of what only reads and writes it. */
import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { ROOT } from './program.ts';

/** The database itself, to look into and to tamper with, and a binding as the Worker is given one. */
export function openD1(): { sqlite: DatabaseSync; binding: unknown } {
  const sqlite = new DatabaseSync(':memory:');
  const folder = `${ROOT}migrations/`;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.sql'))) {
    sqlite.exec(readFileSync(`${folder}${file}`, 'utf8'));
  }
  const prepare = (query: string) => new Statement(sqlite, query, []);
  const batch = async (statements: Statement[]) => {
    sqlite.exec('BEGIN');
    try {
      const results = [];
      for (const statement of statements) results.push(statement.run());
      sqlite.exec('COMMIT');
      return results;
    } catch (error) {
      sqlite.exec('ROLLBACK');
      throw error;
    }
  };
  return { sqlite, binding: { prepare, batch } };
}

class Statement {
  readonly #sqlite: DatabaseSync;
  readonly #query: string;
  readonly #params: SQLInputValue[];

  constructor(sqlite: DatabaseSync, query: string, params: SQLInputValue[]) {
    this.#sqlite = sqlite;
    this.#query = query;
    this.#params = params;
  }

  bind(...params: SQLInputValue[]): Statement {
    return new Statement(this.#sqlite, this.#query, params);
  }

  async all() {
    return this.run();
  }

  /** Not async, so that nothing comes between the statements of a batch. */
  run() {
    return { success: true, results: this.#sqlite.prepare(this.#query).all(...this.#params) };
  }

  async raw(): Promise<unknown[][]> {
    const statement = this.#sqlite.prepare(this.#query);
    statement.setReturnArrays(true);
    return statement.all(...this.#params) as unknown as unknown[][];
  }
}
