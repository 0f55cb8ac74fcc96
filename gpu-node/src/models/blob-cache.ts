/** The files of models on this machine's disk, by digest, within a bound of bytes: `blobs/sha256/<hex>`. */
import type { Stats } from 'node:fs';
import { link, mkdir, readdir, rm, stat, statfs, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VersionFile } from '@lepton-edge/protocol';
import { digestOf, hashFile, newHash } from './digest.ts';
import { DiskSpace, type Hold } from './disk-space.ts';
import { type Download, download } from './download.ts';

const STORED = /^([0-9a-f]{64})(?:\.partial)?$/;

export class BlobCache {
  readonly #dir: string;
  /** One folder a version of several files. */
  readonly #arranged: string;
  readonly #space: DiskSpace;
  /** Digest → how its file was when this process verified it: neither a name nor a file that was touched since is trusted. */
  readonly #verified = new Map<string, string>();
  readonly #underWay = new Map<string, Promise<string>>();
  readonly #removing = new Map<string, Promise<void>>();
  /** Arranged folder → the digests that are linked into it. */
  readonly #linked = new Map<string, Set<string>>();

  private constructor(dir: string, arranged: string, space: DiskSpace) {
    this.#dir = dir;
    this.#arranged = arranged;
    this.#space = space;
  }

  /** @param maxBytes of all files together, those of earlier runs included */
  static async open(home: string, maxBytes: number): Promise<BlobCache> {
    const dir = join(home, 'blobs', 'sha256');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    // A file that was found damaged would live on in the folders it is linked into: they are made anew.
    const arranged = join(home, 'versions');
    await rm(arranged, { recursive: true, force: true });
    return new BlobCache(dir, arranged, await measure(dir, maxBytes));
  }

  /** What the files take on disk, and may take. */
  get space(): Pick<DiskSpace, 'bytes' | 'maxBytes'> {
    return this.#space;
  }

  /**
   * Keeps the files from being removed while they are needed, whether they are there yet or not.
   * @throws LeptonError `unavailable` when they can never be here together
   */
  hold(label: string, files: readonly VersionFile[]): Hold {
    const sizes = new Map(files.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
    this.#space.checkFits(
      label,
      [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    );
    return this.#space.hold([...sizes.keys()]);
  }

  /**
   * The path of a file that is what its digest says, fetched where it is not there yet; one fetch a digest at a time.
   * @throws LeptonError as `download`; `unavailable` when there is no room for it
   */
  async fetch(file: VersionFile, openAt: Download['open']): Promise<string> {
    const underWay = this.#underWay.get(file.digest);
    if (underWay) return await underWay;
    const work = this.#fetch(file, openAt).finally(() => this.#underWay.delete(file.digest));
    this.#underWay.set(file.digest, work);
    return await work;
  }

  /**
   * Lays the files of a version out under their own paths, as the model refers to them; they are linked, not copied.
   * @returns the folder
   */
  async arrange(digest: string, files: readonly { file: VersionFile; path: string }[]): Promise<string> {
    const folder = join(this.#arranged, digest.slice('sha256:'.length));
    this.#linked.set(folder, new Set(files.map(({ file }) => file.digest)));
    const places = files.map(({ file, path }) => ({ from: path, to: join(folder, file.path) }));
    for (const { from, to } of places) {
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      await link(from, to).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
    return folder;
  }

  async #fetch({ digest, sizeBytes }: VersionFile, openAt: Download['open']): Promise<string> {
    const hold = this.#space.hold([digest]);
    const path = this.#pathOf(digest);
    try {
      await this.#removing.get(digest);
      if (await this.#isThere(path, digest)) {
        this.#space.keep(digest, sizeBytes);
        // Tells the next process what was used last.
        await utimes(path, new Date(), new Date());
        await this.#trust(path, digest);
        return path;
      }
      const removed = this.#space.choose(digest, sizeBytes, await freeBytes(this.#dir));
      // Counted as a whole before it comes: downloads side by side must fit together.
      this.#space.keep(digest, sizeBytes);
      for (const other of removed) this.#space.drop(other);
      await Promise.all(removed.map((other) => this.#remove(other)));
      await download({ digest, sizeBytes, partialPath: `${path}.partial`, finalPath: path, open: openAt });
      await this.#trust(path, digest);
      return path;
    } catch (error) {
      const partial = await stat(`${path}.partial`).catch(() => undefined);
      if (partial) this.#space.keep(digest, partial.size);
      else this.#space.drop(digest);
      throw error;
    } finally {
      hold.release();
    }
  }

  async #isThere(path: string, digest: string): Promise<boolean> {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!found) return false;
    if (this.#verified.get(digest) === marksOf(found)) return true;
    const hash = newHash();
    await hashFile(path, hash);
    if (digestOf(hash) === digest) return true;
    await this.#remove(digest);
    return false;
  }

  async #trust(path: string, digest: string): Promise<void> {
    this.#verified.set(digest, marksOf(await stat(path)));
  }

  async #remove(digest: string): Promise<void> {
    this.#verified.delete(digest);
    const work = this.#removeFiles(digest).finally(() => this.#removing.delete(digest));
    this.#removing.set(digest, work);
    await work;
  }

  async #removeFiles(digest: string): Promise<void> {
    const path = this.#pathOf(digest);
    const folders = [...this.#linked].filter(([, digests]) => digests.has(digest)).map(([folder]) => folder);
    for (const folder of folders) this.#linked.delete(folder);
    const gone = [path, `${path}.partial`, ...folders];
    await Promise.all(gone.map((each) => rm(each, { recursive: true, force: true })));
  }

  #pathOf(digest: string): string {
    return join(this.#dir, digest.slice('sha256:'.length));
  }
}

/** What no write to a file leaves as it was. Links to it change its `ctime`, too. */
function marksOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`;
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

/** What is there from earlier runs. */
async function measure(dir: string, maxBytes: number): Promise<DiskSpace> {
  const files: { digest: string; bytes: number; usedAt: number }[] = [];
  for (const name of await readdir(dir)) {
    const hex = STORED.exec(name)?.[1];
    if (hex === undefined) continue;
    const { size, mtimeMs } = await stat(join(dir, name));
    files.push({ digest: `sha256:${hex}`, bytes: size, usedAt: mtimeMs });
  }
  const space = new DiskSpace(maxBytes);
  for (const { digest, bytes } of files.sort((a, b) => a.usedAt - b.usedAt)) space.keep(digest, bytes);
  return space;
}
