/**
 * Sends spans to a collector by OTLP/HTTP in JSON, many at once, after answers were given. A collector that is away costs nothing
 * but its spans: they are dropped and counted, and it is asked again after a while.
 */
import type { WaitUntil } from '../cache/single-flight.ts';
import { type Attributes, otlpRequest, type Span } from './span.ts';

const FLUSH_AFTER_MS = 1_000;
/** What has not come about by then never will: the request that kept it alive was cancelled. */
const LOST_AFTER_MS = 10_000;
const TIMEOUT_MS = 5_000;
const MAX_BATCH = 512;
/** By one request, whose calls are counted and whose `waitUntil` ends half a minute after its answer. */
const MAX_FLUSHES = 20;
const MAX_HELD = 2_048;
const FIRST_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 60_000;

export interface Collector {
  /** The whole address that spans are posted to. */
  url: string;
  /** May hold secrets. */
  headers: Record<string, string>;
  /** Of this program. */
  resource: Attributes;
  scope: { name: string; version: string };
}

export interface ExporterOutside {
  fetch: typeof fetch;
  now(): number;
  wait(ms: number): Promise<unknown>;
  log(line: { level: 'warn' | 'info'; message: string; [field: string]: unknown }): void;
}

export class SpanExporter {
  readonly #collector: Collector;
  readonly #outside: ExporterOutside;
  #spans: Span[] = [];
  #promisedAt: number | undefined;
  /** Undefined while nothing is sent. */
  #sendingSince: number | undefined;
  /** Since the collector was last there. */
  #failures = 0;
  #dropped = 0;
  #pausedUntil = 0;

  constructor(collector: Collector, outside: ExporterOutside) {
    this.#collector = collector;
    this.#outside = outside;
  }

  add(span: Span): void {
    if (this.#spans.length < MAX_HELD && this.#outside.now() >= this.#pausedUntil) this.#spans.push(span);
    else this.#dropped++;
  }

  /** Sees that what was added is sent within about a second. */
  flushSoon(waitUntil: WaitUntil): void {
    if (this.#spans.length === 0) return;
    if (!this.#isRecent(this.#promisedAt)) waitUntil(this.#keepFlushing());
    else if (this.#spans.length >= MAX_BATCH && !this.#isRecent(this.#sendingSince)) waitUntil(this.#flush());
  }

  #isRecent(at: number | undefined): boolean {
    return at !== undefined && this.#outside.now() < at + LOST_AFTER_MS;
  }

  /** Also what is added meanwhile, for a while: no later request may come to see to it. Never rejects. */
  async #keepFlushing(): Promise<void> {
    for (let flushes = 0; flushes < MAX_FLUSHES && this.#spans.length > 0; flushes++) {
      this.#promisedAt = this.#outside.now();
      if (this.#spans.length < MAX_BATCH) await this.#outside.wait(FLUSH_AFTER_MS);
      await this.#flush();
    }
    this.#promisedAt = undefined;
  }

  async #flush(): Promise<void> {
    const batch = this.#spans.splice(0, MAX_BATCH);
    if (batch.length === 0) return;
    this.#sendingSince = this.#outside.now();
    const failure = await this.#send(batch);
    this.#sendingSince = undefined;
    if (failure) this.#failed(failure, batch.length);
    else this.#succeeded();
  }

  async #send(batch: readonly Span[]): Promise<{ reason: string; retryAfterMs?: number } | undefined> {
    const { url, headers, resource, scope } = this.#collector;
    try {
      const response = await this.#outside.fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(otlpRequest(batch, resource, scope)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (response.ok) return undefined;
      const retryAfterMs = Number(response.headers.get('retry-after')) * 1_000 || 0;
      return { reason: `it answered ${response.status}`, retryAfterMs };
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error) };
    }
  }

  #failed({ reason, retryAfterMs = 0 }: { reason: string; retryAfterMs?: number }, count: number): void {
    this.#dropped += count + this.#spans.length;
    this.#spans = [];
    const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(retryAfterMs, FIRST_PAUSE_MS * 2 ** this.#failures));
    this.#pausedUntil = this.#outside.now() + pauseMs;
    if (this.#failures++ > 0) return;
    this.#outside.log({ level: 'warn', message: 'spans cannot be exported and are dropped', reason });
  }

  #succeeded(): void {
    const { log } = this.#outside;
    if (this.#dropped > 0) log({ level: 'info', message: 'spans are exported again', dropped: this.#dropped });
    this.#failures = 0;
    this.#dropped = 0;
  }
}
