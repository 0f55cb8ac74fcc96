/** Fills the database of a gateway that does not run: with copies of a model, or of a key. */
import { createHash, randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { d1Path } from '../soak/support/stored.ts';

/** Other names for one model and its versions. */
export async function addModels(home: string, count: number, name: string): Promise<void> {
  await change(home, (database) => {
    const { id } = database.prepare('SELECT id FROM models WHERE name = ?').get(name) as { id: string };
    const versions = `SELECT id FROM versions WHERE model_id = '${id}'`;
    copyRows(database, 'models', count, `id = '${id}'`, { id: "id || '-' || n", name: "'copy-' || n" });
    const copied = { id: "id || '-' || n", model_id: "model_id || '-' || n" };
    copyRows(database, 'versions', count, `model_id = '${id}'`, copied);
    copyRows(database, 'version_files', count, `version_id IN (${versions})`, { version_id: "version_id || '-' || n" });
  });
}

/** @returns the secrets of keys that may what the one of that name may */
export async function addKeys(home: string, count: number, name: string): Promise<string[]> {
  const secrets = Array.from({ length: count }, () => `lep_${randomBytes(32).toString('base64url')}`);
  await change(home, (database) => {
    const columns = { id: "id || '-' || n", name: "name || '-' || n", hash: "'copy ' || n" };
    copyRows(database, 'api_keys', count, `name = '${name}'`, columns);
    const update = database.prepare('UPDATE api_keys SET hash = ? WHERE hash = ?');
    for (const [i, secret] of secrets.entries()) {
      update.run(createHash('sha256').update(secret).digest('hex'), `copy ${i + 1}`);
    }
  });
  return secrets;
}

async function change(home: string, work: (database: DatabaseSync) => void): Promise<void> {
  const database = new DatabaseSync(await d1Path(home));
  try {
    database.exec('BEGIN');
    work(database);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

/** @param changed what columns are in the copies, as SQL that may name the copy's number `n`, from 1 */
function copyRows(
  database: DatabaseSync,
  table: string,
  count: number,
  where: string,
  changed: Record<string, string>,
): void {
  const columns = database.prepare(`SELECT name FROM pragma_table_info('${table}')`).all() as { name: string }[];
  const names = columns.map(({ name }) => name);
  const values = names.map((name) => changed[name] ?? name);
  database.exec(`INSERT INTO ${table} (${names.join(', ')})
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
    SELECT ${values.join(', ')} FROM numbers, ${table} WHERE ${where}`);
}
