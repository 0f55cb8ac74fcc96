/** Answers that this isolate remembers, as they were sent: by the bytes that asked for them, so that of a repeat nothing is decoded or encoded. */
import { LRUCache } from 'lru-cache';
import { bytesOf, type KnownAnswer, type ResponseCache } from './response-cache.ts';

const MAX_BYTES = 2 * 1024 * 1024;
const MAX_ENTRY_BYTES = MAX_BYTES / 16;
const ENTRY_OVERHEAD_BYTES = 1024;
/** A longer body is not looked for: what that would gain is little beside what it takes of memory. */
const MAX_BODY_BYTES = 64 * 1024;

/** A body, and how a response is made of it each time it is sent. */
export interface Sent {
  body: string | Uint8Array<ArrayBuffer>;
  headers: Headers | Record<string, string>;
  /** The body is compressed already. */
  encodeBody?: 'manual';
}

interface Repeat {
  /** What the answer was made of, and its key in the response cache: while it is there the answer stands. */
  known: KnownAnswer;
  responseKey: string;
  sent: Sent;
}

export class Repeats {
  readonly #responses: ResponseCache;
  readonly #repeats = new LRUCache<string, Repeat>({
    maxSize: MAX_BYTES,
    maxEntrySize: MAX_ENTRY_BYTES,
    // The outputs may be kept by nobody else any more.
    sizeCalculation: ({ sent, known }, key) => ENTRY_OVERHEAD_BYTES + key.length + sent.body.length + bytesOf(known),
  });

  constructor(responses: ResponseCache) {
    this.#responses = responses;
  }

  /** What was answered, as long as the response cache has what it was made of; how old that may be, whoever asks says. */
  get(key: string): { sent: Sent; storedAt: number } | undefined {
    const repeat = this.#repeats.get(key);
    if (!repeat || this.#responses.get(repeat.responseKey) !== repeat.known) return undefined;
    return { sent: repeat.sent, storedAt: repeat.known.storedAt };
  }

  /** @param known as the response cache has it under `responseKey` */
  put(key: string, responseKey: string, known: KnownAnswer, sent: Sent): void {
    this.#repeats.set(key, { responseKey, known, sent: { ...sent, headers: new Headers(sent.headers) } });
  }
}

/** Of every byte one character, and of no other byte the same; workerd keeps each in one byte. */
const characters = new TextDecoder('latin1');

/**
 * The name of a request: its bytes, so that no two have one name, and none needs a digest. Undefined for one that is too long.
 * @param rest what else tells two answers apart, always in as many lines: whose they are, of which version, and how they are read and written
 */
export function repeatKey(bytes: Uint8Array, rest: string): string | undefined {
  if (bytes.byteLength > MAX_BODY_BYTES) return undefined;
  return `${rest}\n${characters.decode(bytes)}`;
}
