/** What a home holds on disk: the rows of D1, and the objects of R2 as Miniflare keeps them. */
import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

type Row = Record<string, unknown>;
export type Select = <T = Row>(sql: string) => T[];

const D1 = 'state/d1/miniflare-D1DatabaseObject';
const R2 = 'state/r2/miniflare-R2BucketObject';
const BLOBS = 'state/r2/lepton-edge-blobs/blobs';

export interface Stored {
  d1: Select;
  r2: Select;
  /** Bytes of each file that holds an object, or a part of one, by its name. */
  blobs: Map<string, number>;
}

/** Looks at copies, so that nothing there is changed; the gateway must not be running. */
export async function withStored<T>(home: string, look: (stored: Stored) => T): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lepton-stored-'));
  const open: DatabaseSync[] = [];
  try {
    const copied = async (where: string, name: string): Promise<Select> => {
      const from = await databaseIn(join(home, where));
      const to = join(folder, name);
      await copyFile(from, to);
      await copyFile(`${from}-wal`, `${to}-wal`).catch(() => undefined);
      const database = new DatabaseSync(to);
      open.push(database);
      return selectOf(database);
    };
    return look({ d1: await copied(D1, 'd1'), r2: await copied(R2, 'r2'), blobs: await blobsIn(join(home, BLOBS)) });
  } finally {
    for (const database of open) database.close();
    await rm(folder, { recursive: true });
  }
}

/** The file of a home's D1. */
export async function d1Path(home: string): Promise<string> {
  return await databaseIn(join(home, D1));
}

/** Reads the rows of D1 while the gateway runs. */
export async function withLiveRows<T>(home: string, look: (d1: Select) => T): Promise<T> {
  const database = new DatabaseSync(await d1Path(home), { readOnly: true, timeout: 5_000 });
  try {
    return look(selectOf(database));
  } finally {
    database.close();
  }
}

function selectOf(database: DatabaseSync): Select {
  return <T>(sql: string) => database.prepare(sql).all() as T[];
}

async function databaseIn(folder: string): Promise<string> {
  const [name] = (await readdir(folder)).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file));
  if (name === undefined) throw new Error(`${folder} holds no database`);
  return join(folder, name);
}

async function blobsIn(folder: string): Promise<Map<string, number>> {
  const names = await readdir(folder).catch(() => []);
  return new Map(await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).size] as const)));
}
