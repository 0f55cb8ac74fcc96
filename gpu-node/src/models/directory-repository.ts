/** Versions of a directory of models, read where they lie: nothing is copied. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LeptonError, Manifest } from '@lepton-edge/protocol';
import { digestOf, hashFile, newHash } from './digest.ts';
import type { FoundVersion } from './model-directory.ts';
import type { Described, Fetched, Repository } from './repository.ts';
import type { VersionTarget } from './version-source.ts';

interface Read {
  digest: string;
  manifest: Manifest;
}

/** How far a version's files have been read. */
export type ReadState = { kind: 'reading' } | { kind: 'read'; digest: string } | { kind: 'failed'; reason: string };

const NOTHING_TO_HOLD = { read: () => undefined, release: () => undefined };

export class DirectoryRepository implements Pick<Repository, 'describe' | 'fetch'> {
  readonly #find: (model: string, version: number) => FoundVersion | undefined;
  /** Each file is read once: whoever scans anew makes new versions of what has changed. */
  readonly #read = new WeakMap<FoundVersion, Promise<Read>>();
  readonly #states = new WeakMap<FoundVersion, ReadState>();

  /** @param find a version as it was found last */
  constructor(find: (model: string, version: number) => FoundVersion | undefined) {
    this.#find = find;
  }

  /** The digest over everything that changes the answer. @throws LeptonError `unavailable` */
  async digestOf(found: FoundVersion): Promise<string> {
    return (await this.#readOnce(found)).digest;
  }

  /** Reads nothing; undefined: nobody has asked for the version yet. */
  stateOf(found: FoundVersion): ReadState | undefined {
    return this.#states.get(found);
  }

  async describe(target: VersionTarget): Promise<Described> {
    const { manifest } = await this.#readOnce(this.#found(target));
    return { manifest, sizeBytes: manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), stated: true };
  }

  async fetch(target: VersionTarget): Promise<Fetched> {
    const found = this.#found(target);
    const { digest } = await this.#readOnce(found);
    const label = `${target.model}@${target.version}`;
    if (digest !== target.digest) throw changed(label);
    await checkUnchanged(found, label);
    const path = join(found.folder, found.files[0]?.path ?? '');
    return { source: { label, format: found.format, path }, folder: found.folder, files: NOTHING_TO_HOLD };
  }

  #found({ model, version }: VersionTarget): FoundVersion {
    const found = this.#find(model, version);
    if (found) return found;
    throw new LeptonError('version_not_found', `there is no ${model}@${version} in the model repository`);
  }

  #readOnce(found: FoundVersion): Promise<Read> {
    const known = this.#read.get(found);
    if (known) return known;
    const reading = read(found);
    this.#read.set(found, reading);
    this.#states.set(found, { kind: 'reading' });
    reading.then(
      ({ digest }) => this.#states.set(found, { kind: 'read', digest }),
      (error: Error) => {
        this.#states.set(found, { kind: 'failed', reason: error.message });
        // What could not be read now may be readable later.
        this.#read.delete(found);
      },
    );
    return reading;
  }
}

async function read(found: FoundVersion): Promise<Read> {
  const label = `${found.model}@${found.version}`;
  const files: Manifest['files'] = [];
  for (const { path, sizeBytes } of found.files) {
    const hash = newHash();
    if ((await hashed(join(found.folder, path), hash, label)) !== sizeBytes) throw changed(label);
    files.push({ path, digest: digestOf(hash), sizeBytes });
  }
  const { card, files: stated = [], ...rest } = found.manifest;
  for (const { path, digest } of stated) {
    const actual = files.find((file) => file.path === path);
    if (actual?.digest === digest) continue;
    const got = actual ? `it is ${actual.digest}` : 'it is not there';
    throw new LeptonError('unavailable', `${label}: its manifest.json states ${path} as ${digest}, ${got}`);
  }
  const manifest = Manifest.parse({
    ...rest,
    inputs: rest.inputs ?? [],
    outputs: rest.outputs ?? [],
    format: found.format,
    files,
    ...(typeof card === 'string' ? { card } : {}),
  });
  const { format, inputs, outputs, tokenizer, embedding, preprocessing, labels } = manifest;
  const content = { format, files, inputs, outputs, tokenizer, embedding, preprocessing, labels };
  const digest = `sha256:${createHash('sha256').update(JSON.stringify(content)).digest('hex')}`;
  return { digest, manifest };
}

async function hashed(path: string, hash: ReturnType<typeof newHash>, label: string): Promise<number> {
  try {
    return await hashFile(path, hash);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LeptonError('unavailable', `${label}: a file of it cannot be read (${code})`, { cause });
  }
}

async function checkUnchanged({ folder, files }: FoundVersion, label: string): Promise<void> {
  for (const { path, sizeBytes, mtimeMs } of files) {
    const now = await stat(join(folder, path)).catch(() => undefined);
    if (now?.size !== sizeBytes || now.mtimeMs !== mtimeMs) throw changed(label);
  }
}

function changed(label: string): LeptonError {
  const [model] = label.split('@');
  return new LeptonError(
    'unavailable',
    `the files of ${label} have changed since they were found: POST /v2/repository/models/${model}/load takes them as they are now`,
  );
}
