/**
 * The request bodies that an isolate holds. There is room for so many bytes; one that comes slowly gives way to others when that is
 * short, and none is waited for without end.
 */
import { LeptonError } from '@lepton-edge/protocol';

const MAX_HELD_BYTES = 16 * 1024 * 1024;
/** After this a body that is still on its way gives way to others. */
const SLOW_AFTER_MS = 5_000;
const MAX_ARRIVAL_MS = 120_000;
const LOOK_EVERY_MS = 1_000;

/** One body; `add` throws LeptonError `overloaded` when there is no room for more of it. */
export interface Held {
  add(bytes: number): void;
  /** Why it is not to be waited for any longer. */
  isGivenUp(): LeptonError | undefined;
  arrived(): void;
  end(): void;
}

interface Body {
  since: number;
  bytes: number;
  givesWay: boolean;
}

/** Longer than any body is used; of one whose caller went away nothing may be heard any more: Workers ends its request there and then. */
const MAX_HELD_MS = 300_000;

export class Bodies {
  /** Bytes held now. */
  heldBytes = 0;
  readonly #now: () => number;
  readonly #arriving = new Set<Body>();
  /** From their beginning to their end, oldest first. */
  readonly #open = new Set<Body>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Whether at most one request with a body is worked on. */
  get isAlone(): boolean {
    if (this.#open.size > 1) this.#forgetDead();
    return this.#open.size <= 1;
  }

  begin(): Held {
    const body: Body = { since: this.#now(), bytes: 0, givesWay: false };
    this.#arriving.add(body);
    this.#open.add(body);
    return {
      add: (bytes) => this.#grow(body, bytes),
      isGivenUp: () => this.#givenUp(body),
      arrived: () => void this.#arriving.delete(body),
      end: () => this.#end(body),
    };
  }

  #grow(body: Body, bytes: number): void {
    if (!this.#hasRoom(body, bytes)) this.#forgetDead();
    if (!this.#hasRoom(body, bytes)) throw this.#noRoomFor(body);
    if (!this.#open.has(body)) return;
    this.heldBytes += bytes;
    body.bytes += bytes;
  }

  /** One alone has room whatever its length, which others bound. */
  #hasRoom(body: Body, bytes: number): boolean {
    return this.heldBytes + bytes <= MAX_HELD_BYTES || this.heldBytes <= body.bytes;
  }

  #forgetDead(): void {
    const before = this.#now() - MAX_HELD_MS;
    for (const body of this.#open) {
      if (body.since >= before) return;
      this.#end(body);
    }
  }

  #end(body: Body): void {
    this.#arriving.delete(body);
    if (this.#open.delete(body)) this.heldBytes -= body.bytes;
  }

  /** Those that are slow make room, which takes a moment. */
  #noRoomFor(body: Body): LeptonError {
    const before = this.#now() - SLOW_AFTER_MS;
    for (const other of this.#arriving) {
      if (other !== body && other.since < before) other.givesWay = true;
    }
    const sentence = 'too many request bodies are being worked on: try again';
    return new LeptonError('overloaded', sentence, { retryAfterSeconds: 1 });
  }

  #givenUp({ since, givesWay }: Body): LeptonError | undefined {
    const seconds = Math.round((this.#now() - since) / 1000);
    if (givesWay) {
      return new LeptonError('request_timeout', `the body was still coming after ${seconds} s and gave way to others`);
    }
    if (seconds * 1000 < MAX_ARRIVAL_MS) return undefined;
    return new LeptonError('request_timeout', `the body did not come within ${MAX_ARRIVAL_MS / 1000} s`);
  }
}

/**
 * Reads a body as long as it is waited for.
 * @param read is given what rejects when it is not
 */
export async function readPatiently<T>(held: Held, read: (patience: Promise<never>) => Promise<T>): Promise<T> {
  const { promise: patience, reject } = Promise.withResolvers<never>();
  patience.catch(() => undefined);
  const timer = setInterval(() => {
    const error = held.isGivenUp();
    if (error) reject(error);
  }, LOOK_EVERY_MS);
  try {
    const bytes = await read(patience);
    held.arrived();
    return bytes;
  } finally {
    clearInterval(timer);
  }
}
