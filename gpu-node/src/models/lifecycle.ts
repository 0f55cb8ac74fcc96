/** What is running: versions loaded on demand, once each, kept while they fit, by digest. */
import type { LoadedModel, Manifest } from '@lepton-edge/protocol';
import { EngineError, type Instance, type Tuning } from '../engines/engine.ts';
import { type Entry, type Named, nameOf, newEntry, newName } from './entry.ts';
import { Failures } from './failures.ts';
import { type LoadParts, type LoadPhase, loadVersion, type Running, type Served, servedAs } from './load-version.ts';
import { type Eviction, roomForCopies, roomInMemory, roomOnGpu } from './room.ts';
import { Successors } from './successors.ts';
import type { VersionTarget } from './version-source.ts';
import type { WarmUp } from './warm-up.ts';

export interface ModelsOptions extends LoadParts {
  /** Bytes of the files of all that is loaded. */
  maxBytes: number;
  maxModels: number;
  /** Of these, what may be on a GPU; no bound where absent. */
  maxGpuBytes?: number | undefined;
  onChange(change: ModelChange): void;
  now?: () => number;
}

export interface ModelChange {
  state: 'ready' | 'failed' | 'lost' | 'unloaded';
  label: string;
  digest: string;
  reason?: string;
  tookMs?: number;
  /** What of that the first runs took. */
  warmUp?: WarmUp;
  /** Of the node's process meanwhile, whatever else it did; a model on a GPU is in another. */
  rssGrowthBytes?: number;
  /** As the engine found it best. */
  tuning?: Tuning;
  /** As `Instance.cpuOperators`. */
  cpuOperators?: Readonly<Record<string, number>>;
  /** As `avoidedEngines` gives them. */
  avoidedEngines?: Readonly<Record<string, string>>;
}

/** A loaded model, kept loaded until `release`, which must be called exactly once. */
export interface Lease extends Served {
  instance: Instance;
  /** As in `Running`. */
  folder: string | undefined;
  /** How long this caller waited for it to be loaded; undefined when it was. */
  loadMs: number | undefined;
  release(): void;
}

export class Models {
  readonly #options: ModelsOptions;
  readonly #now: () => number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  /** Replaced, but still in use: whoever began there goes on there. By digest. */
  readonly #leaving = new Map<string, Entry>();
  readonly #successors = new Successors();
  readonly #failures: Failures;
  readonly #unloading = new Set<Promise<void>>();

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#failures = new Failures(this.#now);
  }

  /** @throws LeptonError `unavailable` when it cannot be fetched, loaded or kept, and why; NoRoom */
  async acquire(target: VersionTarget): Promise<Lease> {
    const name = nameOf(target);
    const leaving = this.#leaving.get(target.digest);
    if (leaving?.names.has(name)) return await this.#lease(leaving, target);
    return await this.load({ ...target, digest: this.#successors.latest(name, target.digest) });
  }

  /** As `acquire`, for who decides what the name stands for: the digest is meant as it is, whatever has replaced it once. */
  async load(target: VersionTarget): Promise<Lease> {
    this.#failures.check(target.digest);
    return await this.#lease(this.#entryOf(target), target);
  }

  /** Keeps what is loaded from making room for others, until what this returns is called. */
  pin(digest: string): () => void {
    const entry = this.#entries.get(digest);
    if (!entry) return () => undefined;
    entry.pins++;
    let pinned = true;
    return () => {
      if (pinned) entry.pins--;
      pinned = false;
    };
  }

  /**
   * Takes a version's name from what is loaded under it, and unloads what has no other name once its runs have ended. Who
   * asks for the version from now on has it loaded anew.
   * @param successor a digest that keeps the name, and is meant by whoever still asks for the others under it
   */
  async unload(model: string, version: number, successor?: string): Promise<void> {
    const name = nameOf({ model, version });
    const unloaded: Promise<void>[] = [];
    for (const entry of [...this.#entries.values()]) {
      if (entry.digest === successor || !entry.names.has(name)) continue;
      if (successor !== undefined) this.#successors.replaced(name, entry.digest, successor);
      if (entry.names.size > 1) {
        entry.names.delete(name);
        continue;
      }
      if (successor !== undefined) this.#leaving.set(entry.digest, entry);
      unloaded.push(this.#unload(entry));
    }
    await Promise.all(unloaded);
  }

  /** Undefined for what is neither loaded nor being loaded. */
  stateOf(digest: string): 'ready' | LoadPhase | undefined {
    const entry = this.#entries.get(digest);
    return entry && (entry.running ? 'ready' : entry.phase);
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
    const name = nameOf({ model, version });
    for (const { digest, names, running } of this.#entries.values()) {
      const served = running && names.get(name)?.served;
      if (served) return { digest, manifest: served.manifest };
    }
    return undefined;
  }

  loaded(): LoadedModel[] {
    return this.#named().map(({ model, version, digest }) => ({ model, version, digest }));
  }

  /** How many nodes of each loaded model run on the CPU though its engine has a GPU, where that is known. */
  cpuNodes(): { model: string; version: number; nodes: number }[] {
    return this.#named().flatMap(({ model, version, digest }) => {
      const counts = this.#entries.get(digest)?.running?.instance.cpuOperators;
      if (!counts) return [];
      return { model, version, nodes: Object.values(counts).reduce((sum, count) => sum + count, 0) };
    });
  }

  /** Unloads everything; runs under way end first. */
  async close(): Promise<void> {
    for (const entry of [...this.#entries.values()]) void this.#unload(entry);
    await Promise.all(this.#unloading);
  }

  async #lease(entry: Entry, target: VersionTarget): Promise<Lease> {
    entry.leases++;
    const release = () => {
      entry.leases--;
      if (entry.leases === 0) entry.onIdle();
    };
    try {
      const startedAt = this.#now();
      const waited = !entry.running;
      const { instance, folder } = entry.running ?? (await entry.loading);
      const named = entry.names.get(nameOf(target));
      const served = named?.served ?? (await this.#serveAs(entry, target, instance));
      const loadMs = waited ? this.#now() - startedAt : undefined;
      return { ...served, instance, folder, loadMs, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #named(): Named[] {
    return [...this.#entries.values()].flatMap(({ running, names }) => {
      return running ? [...names.values()].filter(({ served }) => served) : [];
    });
  }

  /** Begins to load what is not there; most recently used from now on. */
  #entryOf(target: VersionTarget): Entry {
    const entry = this.#entries.get(target.digest) ?? this.#begin(target);
    this.#entries.delete(entry.digest);
    this.#entries.set(entry.digest, entry);
    const name = nameOf(target);
    if (!entry.names.has(name)) entry.names.set(name, newName(target));
    return entry;
  }

  #begin(target: VersionTarget): Entry {
    const entry = newEntry(target);
    this.#failures.forget(target.digest);
    this.#entries.set(target.digest, entry);
    entry.loading = this.#load(target, entry);
    return entry;
  }

  async #load(target: VersionTarget, entry: Entry): Promise<Running> {
    const { onChange } = this.#options;
    const { digest, label } = entry;
    const startedAt = this.#now();
    const rssBefore = process.memoryUsage.rss();
    try {
      const { running, served, sizeBytes, avoid } = await loadVersion(target, this.#options, {
        enter: (phase) => {
          entry.phase = phase;
        },
        makeRoom: (bytes) => {
          void this.#evict(roomInMemory(entry, target.model, bytes, this.#others(entry), this.#options));
          entry.bytes = bytes;
        },
        makeRoomOnGpu: async (bytes) => {
          const { maxGpuBytes = Number.POSITIVE_INFINITY } = this.#options;
          const free = this.#evict(roomOnGpu(entry, target.model, bytes, this.#others(entry), maxGpuBytes));
          entry.gpuBytes = bytes;
          await free;
        },
        roomForCopies: (bytes) => roomForCopies(entry, bytes, () => this.#options.maxBytes - this.bytes),
      });
      const { instance, files, warmUp, tuning } = running;
      entry.bytes = sizeBytes * (tuning?.copies ?? 1);
      if (!instance.onGpu) entry.gpuBytes = 0;
      const named = entry.names.get(label);
      if (named) named.served = served;
      entry.running = running;
      void instance.lost.then((error) => {
        files.release();
        this.#remove(entry);
        onChange({ state: 'lost', label, digest, reason: error.message });
      });
      const { cpuOperators } = instance;
      onChange({
        state: 'ready',
        label,
        digest,
        tookMs: this.#now() - startedAt,
        warmUp,
        rssGrowthBytes: process.memoryUsage.rss() - rssBefore,
        ...(tuning && { tuning }),
        ...(cpuOperators && { cpuOperators }),
        ...(avoid && { avoidedEngines: avoid }),
      });
      return running;
    } catch (error) {
      this.#remove(entry);
      const failure = error instanceof EngineError ? this.#failures.note(digest, label, error) : error;
      const reason = failure instanceof Error ? failure.message : String(failure);
      onChange({ state: 'failed', label, digest, reason });
      throw failure;
    }
  }

  /** Its place may be another's meanwhile. */
  #remove(entry: Entry): void {
    if (this.#entries.get(entry.digest) === entry) this.#entries.delete(entry.digest);
  }

  /** A further version of a digest that is loaded. @throws LeptonError when nobody can describe it now */
  async #serveAs(entry: Entry, target: VersionTarget, instance: Instance): Promise<Served> {
    const described = await this.#options.repository.describe(target);
    const named = entry.names.get(nameOf(target)) ?? newName(target);
    // Of those who asked at once, all get the same.
    named.served ??= servedAs(described, instance);
    return named.served;
  }

  #others(entry: Entry): Entry[] {
    return [...this.#entries.values()].filter((other) => other !== entry);
  }

  async #evict(evictions: readonly Eviction[]): Promise<void> {
    await Promise.all(evictions.map(({ entry, reason }) => this.#unload(entry, reason)));
  }

  /** Never rejects. @param reason where nobody asked for it */
  #unload(entry: Entry, reason?: string): Promise<void> {
    const { digest, label } = entry;
    this.#entries.delete(digest);
    const unloaded = entry.loading
      .then(async ({ instance, files }) => {
        while (entry.leases > 0) {
          await new Promise<void>((idle) => {
            entry.onIdle = idle;
          });
        }
        this.#left(entry);
        await instance.unload();
        files.release();
      })
      .then(() => this.#options.onChange({ state: 'unloaded', label, digest, ...(reason ? { reason } : {}) }))
      // A load that failed has been reported, and left nothing to unload.
      .catch(() => this.#left(entry))
      .finally(() => this.#unloading.delete(unloaded));
    this.#unloading.add(unloaded);
    return unloaded;
  }

  #left(entry: Entry): void {
    if (this.#leaving.get(entry.digest) === entry) this.#leaving.delete(entry.digest);
  }
}
