/** The versions of a directory of models: found at the start and at each `load`, loaded when asked for, unloaded when told. */
import {
  LeptonError,
  type Manifest,
  type Reference,
  type RepositoryIndex,
  type RepositoryIndexEntry,
} from '@lepton-edge/protocol';
import { type Catalogue, type NamedVersion, noAliases } from './catalogue.ts';
import type { DirectoryIndex } from './directory-index.ts';
import type { DirectoryRepository } from './directory-repository.ts';
import { nameOf } from './entry.ts';
import { NoRoom } from './evictions.ts';
import type { Lease, ModelChange, Models } from './lifecycle.ts';
import type { FoundVersion } from './model-directory.ts';
import type { VersionTarget } from './version-source.ts';

const NOT_YET = 'not loaded: the first inference loads it';
const UNLOADED = 'unloaded by request: POST /v2/repository/models/{name}/load loads it again';

export interface DirectoryCatalogueParts {
  directory: DirectoryIndex;
  repository: Pick<DirectoryRepository, 'digestOf' | 'stateOf'>;
  models: Models;
  onSwap(swap: Swap): void;
  /** After each `load` and `unload`: names may stand for other versions. What was loaded stays until this resolves. */
  onMove(): Promise<void>;
}

/** One version, or its changed files, in the place of another. */
export interface Swap {
  model: string;
  from: number;
  to: number;
  /** Both did not fit: whoever called meanwhile waited for the new one. */
  gap: boolean;
}

export class DirectoryCatalogue implements Catalogue {
  readonly #directory: DirectoryIndex;
  readonly #repository: Pick<DirectoryRepository, 'digestOf' | 'stateOf'>;
  readonly #models: Models;
  readonly #onSwap: (swap: Swap) => void;
  readonly #onMove: () => Promise<void>;
  /** By model: the version that its name stands for; the newest where there is none. A newer one takes its place by `load`. */
  readonly #serving = new Map<string, number>();
  /** By model: the last `load`. One follows the other. */
  readonly #loads = new Map<string, Promise<void>>();
  /** `name@version` of what somebody unloaded. */
  readonly #unloaded = new Set<string>();
  /** By digest, why the last load failed. */
  readonly #failures = new Map<string, string>();

  constructor({ directory, repository, models, onSwap, onMove }: DirectoryCatalogueParts) {
    this.#directory = directory;
    this.#repository = repository;
    this.#models = models;
    this.#onSwap = onSwap;
    this.#onMove = onMove;
  }

  /** To be told of every change of the models. */
  note({ state, digest, reason }: ModelChange): void {
    if (state === 'failed' || state === 'lost') this.#failures.set(digest, reason ?? 'it failed');
    else this.#failures.delete(digest);
  }

  resolve({ model, version, alias }: Reference): NamedVersion {
    if (alias !== undefined) throw noAliases(model, alias, 'a gateway does');
    const served = version === undefined ? this.#servedAs(model) : undefined;
    if (served) return served;
    const all = this.versions(model);
    if (all.length === 0) throw this.#absent(model);
    const named = all.filter((each) => version === undefined || each.version === version);
    if (named.length === 0) throw this.#absent(model, version);
    const newest = named.filter((each) => !this.#unloaded.has(nameOf(each))).at(-1);
    if (newest) return newest;
    throw new LeptonError(
      'unavailable',
      `${version === undefined ? model : `${model}@${version}`} was ${UNLOADED.replace('{name}', model)}`,
    );
  }

  /** What is loaded stays what is served until `load` has put its changed files in its place. */
  async digestOf({ model, version }: NamedVersion): Promise<string> {
    const loaded = this.#models.find(model, version);
    return loaded?.digest ?? (await this.#repository.digestOf(this.#found(model, version)));
  }

  createdAtMs({ model, version }: NamedVersion): number {
    return this.#directory.find(model, version)?.files[0]?.mtimeMs ?? 0;
  }

  async manifestOf(named: NamedVersion): Promise<Manifest> {
    const loaded = this.#models.find(named.model, named.version);
    if (loaded) return loaded.manifest;
    // A file's own signature is known once it is loaded.
    const lease = await this.#models.acquire({ ...named, digest: await this.digestOf(named) });
    lease.release();
    return lease.manifest;
  }

  checkReady({ model, version }: NamedVersion): void {
    if (this.#models.find(model, version)) return;
    throw new LeptonError('unavailable', `${model}@${version} is not loaded now: an inference of it loads it`, {
      retryAfterSeconds: 1,
    });
  }

  versions(model?: string): NamedVersion[] {
    const found = model === undefined ? this.#directory.found.versions : this.#directory.versionsOf(model);
    return found.map((each) => ({ model: each.model, version: each.version }));
  }

  index(): RepositoryIndex {
    const { versions, faults } = this.#directory.found;
    const entries = versions.map((found) => this.#entry(found));
    const unavailable = faults.map(({ name, version, reason }) => ({
      name,
      version: version === undefined ? '' : String(version),
      state: 'UNAVAILABLE' as const,
      reason,
    }));
    return [...entries, ...unavailable].sort((a, b) => {
      return a.name === b.name ? Number(a.version) - Number(b.version) : a.name < b.name ? -1 : 1;
    });
  }

  /** Whoever calls the model meanwhile is answered by what is loaded. A load that fails changes nothing. */
  async load(model: string, version?: number): Promise<void> {
    const before = this.#loads.get(model) ?? Promise.resolve();
    const load = before.then(() => this.#load(model, version));
    const ended = load.catch(() => undefined);
    this.#loads.set(model, ended);
    try {
      await load;
    } finally {
      if (this.#loads.get(model) === ended) this.#loads.delete(model);
    }
  }

  async unload(model: string, version?: number): Promise<void> {
    const named = this.versions(model).filter((each) => version === undefined || each.version === version);
    if (named.length === 0) throw this.#absent(model, version);
    for (const each of named) this.#unloaded.add(nameOf(each));
    await Promise.all(named.map((each) => this.#models.unload(model, each.version)));
    await this.#onMove();
  }

  async #load(model: string, version: number | undefined): Promise<void> {
    for (const { model: each } of this.versions()) {
      const served = this.#servedAs(each) ?? this.#newest(each);
      if (served) this.#serving.set(each, served.version);
    }
    const served = this.#servedAs(model);
    await this.#directory.scan();
    const named = this.versions(model).filter((each) => version === undefined || each.version === version);
    const wanted = named.at(-1);
    if (!wanted) throw this.#absent(model, version);
    if (!served) this.#unloaded.delete(nameOf(wanted));
    const digest = await this.#repository.digestOf(this.#found(model, wanted.version));
    await this.#swap(served, { ...wanted, digest }, version === undefined || wanted.version > (served?.version ?? 0));
    const gone = this.#models.loaded().filter((each) => !this.#directory.find(each.model, each.version));
    for (const each of gone) void this.#models.unload(each.model, each.version);
  }

  /** @param takesName whether the model's name stands for it from then on */
  async #swap(served: NamedVersion | undefined, wanted: VersionTarget, takesName: boolean): Promise<void> {
    const { model, version, digest } = wanted;
    const before = served && this.#models.find(model, served.version);
    const take = () => {
      this.#unloaded.delete(nameOf(wanted));
      if (takesName) this.#serving.set(model, version);
    };
    // It answers meanwhile, so that it may not go for the new one's sake.
    const unpin = before && takesName ? this.#models.pin(before.digest) : undefined;
    let gap = false;
    let lease: Lease;
    try {
      lease = await this.#models.load(wanted);
    } catch (error) {
      if (!(error instanceof NoRoom) || !served || !unpin || before?.digest === digest) throw error;
      gap = true;
      // From now on callers wait for the new one.
      take();
      lease = await this.#inItsPlace({ ...served, digest: before?.digest ?? '' }, wanted);
    } finally {
      unpin?.();
    }
    take();
    // What was loaded under this name from files that have changed since.
    const unloaded = this.#models.unload(model, version, digest);
    await this.#onMove();
    lease.release();
    if (before && takesName && before.digest !== digest)
      this.#onSwap({ model, from: served.version, to: version, gap });
    await unloaded;
  }

  /** Both do not fit: the old one goes first. */
  async #inItsPlace(old: VersionTarget, wanted: VersionTarget): Promise<Lease> {
    const { model, version } = old;
    const sameName = version === wanted.version;
    await this.#models.unload(model, version, sameName ? wanted.digest : undefined);
    try {
      return await this.#models.load(wanted);
    } catch (error) {
      if (!sameName) {
        this.#serving.set(model, version);
        void this.#models.load(old).then(
          (lease) => this.#onMove().finally(() => lease.release()),
          () => undefined,
        );
      }
      throw error;
    }
  }

  #servedAs(model: string): NamedVersion | undefined {
    const version = this.#serving.get(model);
    if (version === undefined || this.#unloaded.has(nameOf({ model, version }))) return undefined;
    const isThere = this.#directory.find(model, version) ?? this.#models.find(model, version);
    return isThere && { model, version };
  }

  #newest(model: string): NamedVersion | undefined {
    return this.versions(model).findLast((each) => !this.#unloaded.has(nameOf(each)));
  }

  #entry(found: FoundVersion): RepositoryIndexEntry {
    const { model, version } = found;
    const about = { name: model, version: String(version) };
    if (this.#models.find(model, version)) return { ...about, state: 'READY', reason: '' };
    const unavailable = (reason: string) => ({ ...about, state: 'UNAVAILABLE' as const, reason });
    if (this.#unloaded.has(nameOf(found))) return unavailable(UNLOADED.replace('{name}', model));
    const read = this.#repository.stateOf(found);
    if (!read) return unavailable(NOT_YET);
    if (read.kind === 'failed') return unavailable(read.reason);
    if (read.kind === 'reading') return { ...about, state: 'LOADING', reason: 'its files are read' };
    const phase = this.#models.stateOf(read.digest);
    if (phase !== undefined && phase !== 'ready') return { ...about, state: 'LOADING', reason: phase };
    return unavailable(this.#failures.get(read.digest) ?? NOT_YET);
  }

  #found(model: string, version: number): FoundVersion {
    const found = this.#directory.find(model, version);
    if (found) return found;
    throw this.#absent(model, version);
  }

  /** With the reason, where something of that name is there. */
  #absent(model: string, version?: number): LeptonError {
    const fault = this.#directory.found.faults.find(
      (each) => each.name === model && (each.version === undefined || each.version === (version ?? each.version)),
    );
    const label = version === undefined ? model : `${model}@${version}`;
    if (fault) return new LeptonError('unavailable', `${label} cannot be served: ${fault.reason}`);
    const numbers = this.versions(model).map((each) => each.version);
    if (numbers.length === 0) {
      return new LeptonError('model_not_found', `there is no model ${JSON.stringify(model)} in the model repository`);
    }
    return new LeptonError('version_not_found', `there is no ${label}: ${model} has version ${numbers.join(', ')}`);
  }
}
