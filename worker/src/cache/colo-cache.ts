/**
 * What the isolates of a colo share: bytes under a name, in the Cache API.
 *
 * Names and bytes are sealed with the gateway's secret (HMAC-SHA-256): without it nobody can find an entry, make one or change
 * one. The cache is a named one, which no route of ours and no CDN answers from. Whatever is wrong with it is a miss.
 */
import { hex } from '../digest.ts';
import { within } from '../within.ts';

/** Asking takes a millisecond or two; whoever waits longer had better do the work. */
const ASK_LIMIT_MS = 250;
/** One that has been under way for so long was ended with its request: nothing after an answer may take longer on Workers. */
const STORE_LIMIT_MS = 60_000;
/** Under way at a time in an isolate; beyond that, what would be stored is not. */
const MAX_STORES = 16;
/** Another form of entry takes another number: entries of two releases do not meet. */
const FORMAT = 1;

const SEAL_BYTES = 32;
const HEAD_BYTES = SEAL_BYTES + 8;

export interface ColoEntry {
  /** When what it tells was so, in ms since 1970. */
  at: number;
  /** At a multiple of 8 bytes in its buffer. */
  bytes: Uint8Array<ArrayBuffer>;
}

export interface ColoCacheOptions {
  open: () => Promise<Pick<Cache, 'match' | 'put'>>;
  /** Undefined: nothing is shared. */
  secret: string | undefined;
  warn: (message: string, cause: unknown) => void;
}

const encoder = new TextEncoder();

export class ColoCache {
  readonly #options: ColoCacheOptions;
  #origin: string | undefined;
  #key: CryptoKey | undefined;
  /** When each of those under way began, oldest first. */
  readonly #stores = new Set<{ since: number }>();
  readonly #warned = new Set<string>();

  constructor(options: ColoCacheOptions) {
    this.#options = options;
  }

  /** The Cache API wants addresses of the gateway's own host, which the first request tells; until then nothing is shared. */
  useOrigin(origin: string): void {
    this.#origin ??= origin;
  }

  get isOn(): boolean {
    return this.#origin !== undefined && this.#options.secret !== undefined;
  }

  /** Never rejects. */
  async get(name: string): Promise<ColoEntry | undefined> {
    if (!this.isOn) return undefined;
    try {
      return await within(this.#read(name), ASK_LIMIT_MS, () => undefined);
    } catch (error) {
      this.warnOnce('the colo’s cache cannot be asked', error);
      return undefined;
    }
  }

  /** Never rejects. @param parts what follows each other in the entry @param keepSeconds at least 1 */
  async put(name: string, at: number, parts: readonly Uint8Array[], keepSeconds: number): Promise<void> {
    if (!this.isOn || !this.#hasRoom()) return;
    const store = { since: Date.now() };
    this.#stores.add(store);
    try {
      await this.#write(name, at, parts, keepSeconds);
    } catch (error) {
      this.warnOnce('nothing can be stored in the colo’s cache', error);
    } finally {
      this.#stores.delete(store);
    }
  }

  /** One line for each thing that may be wrong: it would be wrong with every request. */
  warnOnce(message: string, cause: unknown): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#options.warn(message, cause);
  }

  #hasRoom(): boolean {
    const [oldest] = this.#stores;
    if (oldest && this.#stores.size >= MAX_STORES && oldest.since < Date.now() - STORE_LIMIT_MS)
      this.#stores.delete(oldest);
    return this.#stores.size < MAX_STORES;
  }

  async #read(name: string): Promise<ColoEntry | undefined> {
    const key = await this.#sealingKey();
    const cache = await this.#options.open();
    const response = await cache.match(await this.#addressOf(key, name));
    if (!response) return undefined;
    const entry = new Uint8Array(await response.arrayBuffer());
    const isOurs =
      entry.byteLength >= HEAD_BYTES &&
      (await crypto.subtle.verify('HMAC', key, entry.subarray(0, SEAL_BYTES), sealed(name, entry)));
    if (isOurs) return { at: new DataView(entry.buffer).getFloat64(SEAL_BYTES), bytes: entry.subarray(HEAD_BYTES) };
    this.warnOnce('an entry of the colo’s cache is damaged or not ours', undefined);
    return undefined;
  }

  async #write(name: string, at: number, parts: readonly Uint8Array[], keepSeconds: number): Promise<void> {
    const key = await this.#sealingKey();
    const entry = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, HEAD_BYTES));
    new DataView(entry.buffer).setFloat64(SEAL_BYTES, at);
    let end = HEAD_BYTES;
    for (const part of parts) {
      entry.set(part, end);
      end += part.byteLength;
    }
    entry.set(new Uint8Array(await crypto.subtle.sign('HMAC', key, sealed(name, entry))));
    const headers = {
      'content-type': 'application/octet-stream',
      'cache-control': `public, max-age=${Math.ceil(keepSeconds)}`,
    };
    const cache = await this.#options.open();
    await cache.put(await this.#addressOf(key, name), new Response(entry, { headers }));
  }

  async #addressOf(key: CryptoKey, name: string): Promise<string> {
    const hidden = await crypto.subtle.sign('HMAC', key, encoder.encode(`address ${name}`));
    return `${this.#origin}/.lepton/${FORMAT}/${hex(hidden)}`;
  }

  async #sealingKey(): Promise<CryptoKey> {
    // The key itself is remembered, not its promise: that would belong to the request that made it.
    this.#key ??= await crypto.subtle.importKey(
      'raw',
      await crypto.subtle.digest('SHA-256', encoder.encode(`lepton colo cache ${this.#options.secret}`)),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign', 'verify'],
    );
    return this.#key;
  }
}

/** What the seal is of: the name, so that an entry stands for nothing else, and all that follows the seal. */
function sealed(name: string, entry: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(`entry ${name}\n`);
  const bytes = new Uint8Array(head.byteLength + entry.byteLength - SEAL_BYTES);
  bytes.set(head);
  bytes.set(entry.subarray(SEAL_BYTES), head.byteLength);
  return bytes;
}
