/** The counts of this isolate: kept in memory, and added to the hubs about once a second, after answers were given. */
import type { WaitUntil } from '../cache/single-flight.ts';
import { addCounts, type Counts, noCounts, type VersionCounts } from './counts.ts';
import type { MetricsHub } from './metrics-hub.ts';

const FLUSH_AFTER_MS = 1_000;
/** A flush that has not begun by then never will: the request that kept it alive was cancelled. */
const LOST_AFTER_MS = 10_000;

export interface Metrics {
  /** Counts something of a version; takes no time of the request. */
  count(modelId: string, version: number, counted: Partial<Counts>, waitUntil: WaitUntil): void;
  /** What is known of a model's versions, this isolate's latest included. */
  list(modelId: string): Promise<VersionCounts[]>;
  forget(modelId: string): Promise<void>;
}

export function createMetrics(namespace: DurableObjectNamespace<MetricsHub>, now: () => number): Metrics {
  const hub = (modelId: string) => namespace.get(namespace.idFromName(modelId));
  let pending = new Map<string, Map<number, Counts>>();
  let promisedAt: number | undefined;

  function add(modelId: string, version: number, counts: Partial<Counts>): void {
    const versions = pending.get(modelId) ?? new Map<number, Counts>();
    pending.set(modelId, versions);
    const sum = versions.get(version) ?? noCounts();
    versions.set(version, sum);
    addCounts(sum, counts);
  }

  async function flush(): Promise<void> {
    const flushed = pending;
    pending = new Map();
    const sent = [...flushed].map(async ([modelId, versions]) => {
      try {
        await hub(modelId).add(Array.from(versions, ([version, counts]) => ({ version, counts })));
      } catch {
        // Added with the next ones. A hub that had done so already counts them twice: rather that than not at all.
        for (const [version, counts] of versions) add(modelId, version, counts);
      }
    });
    await Promise.all(sent);
  }

  async function flushLater(): Promise<void> {
    await scheduler.wait(FLUSH_AFTER_MS);
    promisedAt = undefined;
    await flush();
  }

  return {
    count(modelId, version, counted, waitUntil) {
      add(modelId, version, counted);
      if (promisedAt !== undefined && now() < promisedAt + LOST_AFTER_MS) return;
      promisedAt = now();
      waitUntil(flushLater());
    },
    async list(modelId) {
      await flush();
      return await hub(modelId).list();
    },
    async forget(modelId) {
      pending.delete(modelId);
      await hub(modelId).forget();
    },
  };
}
