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
import type { ModelChange, Models } from './lifecycle.ts';
import type { FoundVersion } from './model-directory.ts';

const NOT_YET = 'not loaded: the first inference loads it';
const UNLOADED = 'unloaded by request: POST /v2/repository/models/{name}/load loads it again';

export interface DirectoryCatalogueParts {
  directory: DirectoryIndex;
  repository: Pick<DirectoryRepository, 'digestOf' | 'stateOf'>;
  models: Models;
}

export class DirectoryCatalogue implements Catalogue {
  readonly #directory: DirectoryIndex;
  readonly #repository: Pick<DirectoryRepository, 'digestOf' | 'stateOf'>;
  readonly #models: Models;
  /** `name@version` of what somebody unloaded. */
  readonly #unloaded = new Set<string>();
  /** By digest, why the last load failed. */
  readonly #failures = new Map<string, string>();

  constructor({ directory, repository, models }: DirectoryCatalogueParts) {
    this.#directory = directory;
    this.#repository = repository;
    this.#models = models;
  }

  /** To be told of every change of the models. */
  note({ state, digest, reason }: ModelChange): void {
    if (state === 'failed' || state === 'lost') this.#failures.set(digest, reason ?? 'it failed');
    else this.#failures.delete(digest);
  }

  resolve({ model, version, alias }: Reference): NamedVersion {
    if (alias !== undefined) throw noAliases(model, alias, 'a gateway does');
    const all = this.versions(model);
    if (all.length === 0) throw this.#absent(model);
    const named = all.filter((each) => version === undefined || each.version === version);
    if (named.length === 0) throw this.#absent(model, version);
    const newest = named.filter((each) => !this.#unloaded.has(labelOf(each))).at(-1);
    if (newest) return newest;
    throw new LeptonError(
      'unavailable',
      `${version === undefined ? model : `${model}@${version}`} was ${UNLOADED.replace('{name}', model)}`,
    );
  }

  async digestOf({ model, version }: NamedVersion): Promise<string> {
    return await this.#repository.digestOf(this.#found(model, version));
  }

  createdAtMs({ model, version }: NamedVersion): number {
    return this.#found(model, version).files[0]?.mtimeMs ?? 0;
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

  async load(model: string, version?: number): Promise<void> {
    await this.#directory.scan();
    const gone = this.#models.loaded().filter((each) => !this.#directory.find(each.model, each.version));
    for (const each of gone) void this.#models.unload(each.model, each.version);
    const named = this.versions(model).filter((each) => version === undefined || each.version === version);
    const newest = named.at(-1);
    if (!newest) throw this.#absent(model, version);
    const digest = await this.digestOf(newest);
    this.#unloaded.delete(labelOf(newest));
    const lease = await this.#models.acquire({ ...newest, digest });
    lease.release();
    // What was loaded under this name from files that have changed since.
    await this.#models.unload(model, newest.version, digest);
  }

  async unload(model: string, version?: number): Promise<void> {
    const named = this.versions(model).filter((each) => version === undefined || each.version === version);
    if (named.length === 0) throw this.#absent(model, version);
    for (const each of named) this.#unloaded.add(labelOf(each));
    await Promise.all(named.map((each) => this.#models.unload(model, each.version)));
  }

  #entry(found: FoundVersion): RepositoryIndexEntry {
    const { model, version } = found;
    const about = { name: model, version: String(version) };
    if (this.#models.find(model, version)) return { ...about, state: 'READY', reason: '' };
    const unavailable = (reason: string) => ({ ...about, state: 'UNAVAILABLE' as const, reason });
    if (this.#unloaded.has(labelOf(found))) return unavailable(UNLOADED.replace('{name}', model));
    const read = this.#repository.stateOf(found);
    if (!read) return unavailable(NOT_YET);
    if (read.kind === 'failed') return unavailable(read.reason);
    const loading = read.kind === 'reading' || this.#models.stateOf(read.digest) === 'loading';
    if (loading) return { ...about, state: 'LOADING', reason: '' };
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

function labelOf({ model, version }: NamedVersion): string {
  return `${model}@${version}`;
}
