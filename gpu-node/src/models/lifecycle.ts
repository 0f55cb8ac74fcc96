/** What is running: versions loaded on demand, once each, kept while they fit, by digest. */
import { type Admission, LeptonError, type LoadedModel, type Manifest } from '@lepton-edge/protocol';
import { EngineError, type Instance, type ModelSource } from '../engines/engine.ts';
import { avoidedEngines } from './avoided-engines.ts';
import type { Hold } from './disk-space.ts';
import { chooseEvictions } from './evictions.ts';
import type { Repository } from './repository.ts';
import { disagreement, withSignature } from './signature.ts';
import type { VersionTarget } from './version-source.ts';

/** A model that cannot run here is not tried again at every call. */
const FAILURE_KEPT_MS = 10_000;

export interface ModelsOptions {
  repository: Pick<Repository, 'describe' | 'fetch'>;
  engines: { load(source: ModelSource): Promise<Instance> };
  /** Bytes of the files of all that is loaded. */
  maxBytes: number;
  maxModels: number;
  onChange(change: ModelChange): void;
  now?: () => number;
}

export interface ModelChange {
  state: 'ready' | 'failed' | 'lost' | 'unloaded';
  label: string;
  digest: string;
  reason?: string;
  tookMs?: number;
  /** As `Instance.cpuOperators`. */
  cpuOperators?: Readonly<Record<string, number>>;
  /** As `avoidedEngines` gives them. */
  avoidedEngines?: Readonly<Record<string, string>>;
}

/** A loaded model, kept loaded until `release`, which must be called exactly once. */
export interface Lease {
  manifest: Manifest;
  /** What was measured of it, where somebody has. */
  admission?: Admission | undefined;
  instance: Instance;
  /** Where the version's files are under their own paths, as long as it is loaded; undefined where the model's is the only one. */
  folder: string | undefined;
  /** How long this caller waited for it to be loaded; undefined when it was. */
  loadMs: number | undefined;
  release(): void;
}

interface Running {
  manifest: Manifest;
  admission: Admission | undefined;
  instance: Instance;
  folder: string | undefined;
  files: Hold;
}

interface Entry {
  digest: string;
  label: string;
  /** Under what names it was asked for: one digest may be several versions. */
  names: Map<string, LoadedModel>;
  bytes: number;
  leases: number;
  /** Called when the last lease is released. */
  onIdle: () => void;
  loading: Promise<Running>;
  running: Running | undefined;
}

export class Models {
  readonly #options: ModelsOptions;
  readonly #now: () => number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #failures = new Map<string, { error: LeptonError; until: number }>();
  readonly #unloading = new Set<Promise<void>>();

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** @throws LeptonError `unavailable` when it cannot be fetched, loaded or kept, and why */
  async acquire(target: VersionTarget): Promise<Lease> {
    const failure = this.#failures.get(target.digest);
    if (failure && failure.until > this.#now()) throw failure.error;
    const entry = this.#entries.get(target.digest) ?? this.#begin(target);
    this.#entries.delete(entry.digest);
    this.#entries.set(entry.digest, entry);
    this.#name(entry, target);
    entry.leases++;
    const release = () => {
      entry.leases--;
      if (entry.leases === 0) entry.onIdle();
    };
    try {
      const startedAt = this.#now();
      const waited = !entry.running;
      const { manifest, admission, instance, folder } = entry.running ?? (await entry.loading);
      const loadMs = waited ? this.#now() - startedAt : undefined;
      return { manifest, admission, instance, folder, loadMs, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Takes a version's name from what is loaded under it, and unloads what has no other name once its runs have ended. Who
   * asks for the version from now on has it loaded anew.
   * @param except a digest that keeps the name
   */
  async unload(model: string, version: number, except?: string): Promise<void> {
    const name = `${model}@${version}`;
    const nameless = [...this.#entries.values()].filter(({ digest, names }) => {
      return digest !== except && names.delete(name) && names.size === 0;
    });
    await Promise.all(nameless.map((entry) => this.#unload(entry)));
  }

  stateOf(digest: string): 'ready' | 'loading' | undefined {
    const entry = this.#entries.get(digest);
    return entry && (entry.running ? 'ready' : 'loading');
  }

  /** Bytes of the files of all that is loaded. */
  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether a model of these bytes can be loaded without unloading another. */
  hasRoomFor(bytes: number): boolean {
    const { maxBytes, maxModels } = this.#options;
    return this.bytes + bytes <= maxBytes && this.#entries.size < maxModels;
  }

  /** The manifest of a version that is loaded now. */
  find(model: string, version: number): { digest: string; manifest: Manifest } | undefined {
    for (const { digest, names, running } of this.#entries.values()) {
      if (running && names.has(`${model}@${version}`)) return { digest, manifest: running.manifest };
    }
    return undefined;
  }

  loaded(): LoadedModel[] {
    return [...this.#entries.values()].flatMap((entry) => (entry.running ? [...entry.names.values()] : []));
  }

  /** How many nodes of each loaded model run on the CPU though its engine has a GPU, where that is known. */
  cpuNodes(): { model: string; version: number; nodes: number }[] {
    return [...this.#entries.values()].flatMap(({ names, running }) => {
      const counts = running?.instance.cpuOperators;
      if (!counts) return [];
      const nodes = Object.values(counts).reduce((sum, count) => sum + count, 0);
      return [...names.values()].map(({ model, version }) => ({ model, version, nodes }));
    });
  }

  /** Unloads everything; runs under way end first. */
  async close(): Promise<void> {
    for (const entry of [...this.#entries.values()]) void this.#unload(entry);
    await Promise.all(this.#unloading);
  }

  #begin(target: VersionTarget): Entry {
    const { digest } = target;
    const label = `${target.model}@${target.version}`;
    const entry: Entry = {
      digest,
      label,
      names: new Map(),
      bytes: 0,
      leases: 0,
      onIdle: () => undefined,
      // Replaced below: the entry must be in its place before its work begins.
      loading: undefined as never,
      running: undefined,
    };
    this.#failures.delete(digest);
    this.#entries.set(digest, entry);
    entry.loading = this.#load(target, entry);
    return entry;
  }

  async #load(target: VersionTarget, entry: Entry): Promise<Running> {
    const { repository, engines, onChange } = this.#options;
    const { digest, label } = entry;
    const startedAt = this.#now();
    let files: Hold | undefined;
    try {
      const described = await repository.describe(target);
      const fetched = await repository.fetch(target, described);
      files = fetched.files;
      // Only now: a download that fails must not cost anybody a loaded model.
      this.#makeRoom(entry, described.sizeBytes);
      const avoid = avoidedEngines(described.admission);
      const wanted = { ...fetched.source, sizeBytes: described.sizeBytes };
      const instance = await engines.load(avoid ? { ...wanted, avoid } : wanted);
      // A tokenizer is read when the first text comes.
      if (!described.manifest.tokenizer) fetched.files.read();
      const fault = described.stated ? disagreement(described.manifest, instance) : undefined;
      if (fault !== undefined) {
        await instance.unload();
        throw new EngineError('unsupported', fault);
      }
      const { folder } = fetched;
      const { admission } = described;
      const manifest = withSignature(described.manifest, instance);
      const running = { manifest, admission, instance, folder, files: fetched.files };
      entry.running = running;
      void instance.lost.then((error) => {
        fetched.files.release();
        if (this.#entries.get(digest) === entry) this.#entries.delete(digest);
        onChange({ state: 'lost', label, digest, reason: error.message });
      });
      const { cpuOperators } = instance;
      onChange({
        state: 'ready',
        label,
        digest,
        tookMs: this.#now() - startedAt,
        ...(cpuOperators && { cpuOperators }),
        ...(avoid && { avoidedEngines: avoid }),
      });
      return running;
    } catch (error) {
      files?.release();
      // Unloaded meanwhile, its place may be another's.
      if (this.#entries.get(digest) === entry) this.#entries.delete(digest);
      const failure = error instanceof EngineError ? forCaller(error, label) : error;
      if (error instanceof EngineError && error.failure === 'unsupported')
        this.#remember(digest, forCaller(error, label));
      onChange({
        state: 'failed',
        label,
        digest,
        reason: failure instanceof Error ? failure.message : String(failure),
      });
      throw failure;
    }
  }

  #name(entry: Entry, { model, version, digest }: VersionTarget): void {
    const name = `${model}@${version}`;
    if (!entry.names.has(name)) entry.names.set(name, { model, version, digest });
  }

  #remember(digest: string, error: LeptonError): void {
    const now = this.#now();
    for (const [known, { until }] of this.#failures) if (until <= now) this.#failures.delete(known);
    this.#failures.set(digest, { error, until: now + FAILURE_KEPT_MS });
  }

  /** Counts the entry, after unloading what has to go for it. @throws LeptonError `unavailable` */
  #makeRoom(entry: Entry, bytes: number): void {
    const { maxBytes, maxModels } = this.#options;
    const others = [...this.#entries.values()].filter((other) => other !== entry);
    const choice = chooseEvictions(others, bytes, { maxBytes, maxModels });
    if (!choice.ok) throw new LeptonError('unavailable', `${entry.label}: ${choice.reason}`, { retryAfterSeconds: 1 });
    for (const evicted of choice.evict) void this.#unload(evicted);
    entry.bytes = bytes;
  }

  /** Never rejects. */
  #unload(entry: Entry): Promise<void> {
    const { digest, label } = entry;
    this.#entries.delete(digest);
    const unloaded = entry.loading
      .then(async ({ instance, files }) => {
        if (entry.leases > 0) {
          await new Promise<void>((idle) => {
            entry.onIdle = idle;
          });
        }
        await instance.unload();
        files.release();
      })
      .then(() => this.#options.onChange({ state: 'unloaded', label, digest }))
      // A load that failed has been reported, and left nothing to unload.
      .catch(() => undefined)
      .finally(() => this.#unloading.delete(unloaded));
    this.#unloading.add(unloaded);
    return unloaded;
  }
}

function forCaller(error: EngineError, label: string): LeptonError {
  return new LeptonError('unavailable', `${label} cannot be loaded: ${error.message}`, {
    cause: error,
    retryAfterSeconds: error.failure === 'unsupported' ? FAILURE_KEPT_MS / 1000 : 1,
  });
}
