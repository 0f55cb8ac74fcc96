/** The files of models on this machine's disk, by digest: `blobs/sha256/<hex>`. */
import { link, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VersionFile } from '@lepton-edge/protocol';
import { digestOf, hashFile, newHash } from './digest.ts';
import { type Download, download } from './download.ts';

export class BlobCache {
  readonly #dir: string;
  /** One folder a version of several files. */
  readonly #arranged: string;
  /** Verified by this process: a name alone is not trusted after a restart. */
  readonly #verified = new Set<string>();
  readonly #underWay = new Map<string, Promise<string>>();

  private constructor(dir: string, arranged: string) {
    this.#dir = dir;
    this.#arranged = arranged;
  }

  static async open(home: string): Promise<BlobCache> {
    const dir = join(home, 'blobs', 'sha256');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    // A file that was found damaged would live on in the folders it is linked into: they are made anew.
    const arranged = join(home, 'versions');
    await rm(arranged, { recursive: true, force: true });
    return new BlobCache(dir, arranged);
  }

  /**
   * The path of a file that is what its digest says, fetched where it is not there yet; one fetch a digest at a time.
   * @throws LeptonError as `download`
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
   * @returns the path of the first
   */
  async arrange(digest: string, files: readonly { file: VersionFile; path: string }[]): Promise<string> {
    const folder = join(this.#arranged, digest.slice('sha256:'.length));
    const places = files.map(({ file, path }) => ({ from: path, to: join(folder, file.path) }));
    for (const { from, to } of places) {
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      await link(from, to).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
    return places[0]?.to ?? folder;
  }

  async #fetch({ digest, sizeBytes }: VersionFile, openAt: Download['open']): Promise<string> {
    const path = join(this.#dir, digest.slice('sha256:'.length));
    if (await this.#isThere(path, digest)) return path;
    await download({ digest, sizeBytes, partialPath: `${path}.partial`, finalPath: path, open: openAt });
    this.#verified.add(digest);
    return path;
  }

  async #isThere(path: string, digest: string): Promise<boolean> {
    const exists = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!exists) return false;
    if (this.#verified.has(digest)) return true;
    const hash = newHash();
    await hashFile(path, hash);
    if (digestOf(hash) === digest) {
      this.#verified.add(digest);
      return true;
    }
    await rm(path, { force: true });
    return false;
  }
}
