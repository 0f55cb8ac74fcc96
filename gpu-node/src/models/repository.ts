/** What should run: a version's manifest and its verified files, fetched from a source into the cache. */
import { join } from 'node:path';
import { type Admission, LeptonError, type Manifest, type Version, type VersionFile } from '@lepton-edge/protocol';
import type { ModelSource } from '../engines/engine.ts';
import type { BlobCache } from './blob-cache.ts';
import type { Hold } from './disk-space.ts';
import type { VersionSource, VersionTarget } from './version-source.ts';

/** A version that may be fetched: nothing of its files is here for sure. */
export interface Described {
  manifest: Manifest;
  /** What was measured, where somebody has. */
  admission?: Admission | undefined;
  /** Bytes of all files: what loading it is counted as. */
  sizeBytes: number;
  /** Its manifest is what somebody wrote and nobody has checked: the loaded file must agree with it. */
  stated?: boolean;
}

/** A version whose files are here. */
export interface Fetched {
  source: ModelSource;
  /** Where the files lie under their own paths; undefined where the model's is the only one. */
  folder: string | undefined;
  files: Hold;
}

export class Repository {
  readonly #source: VersionSource;
  readonly #blobs: BlobCache;

  constructor(source: VersionSource, blobs: BlobCache) {
    this.#source = source;
    this.#blobs = blobs;
  }

  /** @throws LeptonError `unavailable` when the source names another digest than the target */
  async describe(target: VersionTarget): Promise<Described> {
    const version = await this.#source.describe(target);
    checkDigest(version, target);
    const { manifest, admission } = version;
    return { manifest, admission, sizeBytes: manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0) };
  }

  /**
   * Fetches every file; the model's own is the manifest's first. The caller releases `files` when it needs them no more.
   * @throws LeptonError
   */
  async fetch(target: VersionTarget, { manifest }: Described): Promise<Fetched> {
    const files = this.#blobs.hold(`${target.model}@${target.version}`, manifest.files);
    try {
      return { ...(await this.#fetchAll(target, manifest)), files };
    } catch (error) {
      files.release();
      throw error;
    }
  }

  async #fetchAll(target: VersionTarget, manifest: Manifest): Promise<Omit<Fetched, 'files'>> {
    const paths: { file: VersionFile; path: string }[] = [];
    for (const file of manifest.files) {
      const path = await this.#blobs.fetch(file, (offset, signal) => this.#source.open(target, file, offset, signal));
      paths.push({ file, path });
    }
    const label = `${target.model}@${target.version}`;
    const [main] = paths;
    if (!main) throw new LeptonError('unavailable', `${label} has no files`);
    const { format } = manifest;
    if (paths.length === 1) return { source: { label, format, path: main.path }, folder: undefined };
    const folder = await this.#blobs.arrange(target.digest, paths);
    return { source: { label, format, path: join(folder, main.file.path) }, folder };
  }
}

function checkDigest(version: Version, target: VersionTarget): void {
  if (version.digest === target.digest) return;
  const label = `${target.model}@${target.version}`;
  throw new LeptonError(
    'unavailable',
    `the gateway asked for ${label} with ${target.digest}, but describes it with ${version.digest}`,
  );
}
