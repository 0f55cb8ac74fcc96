/** Which versions a caller can name on this node, how they stand, and what may be done with them. */
import { LeptonError, type Manifest, type Reference, type RepositoryIndex } from '@lepton-edge/protocol';
import type { Models } from './lifecycle.ts';

export interface NamedVersion {
  model: string;
  version: number;
}

export interface Catalogue {
  /** The version that a reference names; the newest where it names none. @throws LeptonError */
  resolve(reference: Reference): NamedVersion;
  /** What an inference of it must name as its digest; undefined where the caller names that. */
  digestOf(version: NamedVersion): Promise<string | undefined>;
  /** When it was made; 0 where only the gateway knows. */
  createdAtMs(version: NamedVersion): number;
  /** The manifest, with its signature. @throws LeptonError */
  manifestOf(version: NamedVersion): Promise<Manifest>;
  /** Whether it is loaded now. @throws LeptonError when it is not, saying why */
  checkReady(version: NamedVersion): void;
  /** Of one model, or of all; by name and number. */
  versions(model?: string): NamedVersion[];
  index(): RepositoryIndex;
  /** The newest version where none is given. @throws LeptonError */
  load(model: string, version?: number): Promise<void>;
  /** All versions where none is given. @throws LeptonError */
  unload(model: string, version?: number): Promise<void>;
}

/** In a fleet: what the gateway has had loaded. */
export class FleetCatalogue implements Catalogue {
  readonly #models: Models;

  constructor(models: Models) {
    this.#models = models;
  }

  resolve({ model, version, alias }: Reference): NamedVersion {
    if (alias !== undefined) throw noAliases(model, alias, 'its gateway does');
    if (version !== undefined) return { model, version };
    const newest = this.versions(model).at(-1);
    if (newest) return newest;
    throw notLoaded(model);
  }

  async digestOf(): Promise<undefined> {
    return undefined;
  }

  createdAtMs(): number {
    return 0;
  }

  async manifestOf(version: NamedVersion): Promise<Manifest> {
    return this.#find(version);
  }

  checkReady(version: NamedVersion): void {
    this.#find(version);
  }

  versions(model?: string): NamedVersion[] {
    const all = this.#models.loaded().map((loaded) => ({ model: loaded.model, version: loaded.version }));
    return all
      .filter((each) => model === undefined || each.model === model)
      .sort((a, b) => (a.model < b.model ? -1 : a.model > b.model ? 1 : a.version - b.version));
  }

  index(): RepositoryIndex {
    return this.versions().map(({ model, version }) => ({
      name: model,
      version: String(version),
      state: 'READY',
      reason: '',
    }));
  }

  load(model: string): Promise<void> {
    return Promise.reject(gatewayDecides(model));
  }

  unload(model: string): Promise<void> {
    return Promise.reject(gatewayDecides(model));
  }

  #find({ model, version }: NamedVersion): Manifest {
    const found = this.#models.find(model, version);
    if (found) return found.manifest;
    throw notLoaded(`${model}@${version}`);
  }
}

export function noAliases(model: string, alias: string, who: string): LeptonError {
  return new LeptonError(
    'alias_not_found',
    `a node knows no aliases, ${who}: expected "${model}" or "${model}@3", got "${model}@${alias}"`,
  );
}

function notLoaded(what: string): LeptonError {
  return new LeptonError(
    'version_not_found',
    `${what} is not loaded on this node: an inference delegated by its gateway loads it`,
  );
}

function gatewayDecides(model: string): LeptonError {
  return new LeptonError(
    'invalid_request',
    `this node is in a fleet: what it loads is decided by the inferences of ${model} that its gateway delegates`,
  );
}
