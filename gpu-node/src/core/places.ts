/** How many requests of a model there may be at a time, and of how many bytes; no tenant can take what others need. */
import { LeptonError } from '@lepton-edge/protocol';
import type { Claim } from './claim.ts';

/** Of one tenant. All together may have a quarter more, so that there is room for who comes when one has taken all of its own. */
export interface Limits {
  /** Arriving, waiting or running at a time. */
  requests: number;
  /** Of their bodies; one request alone may be larger. */
  bytes: number;
}

const SPARE = 1 / 4;

interface Held {
  requests: number;
  bytes: number;
}

export class Places {
  readonly #limits: Limits;
  readonly #retryAfterSeconds: () => number;
  readonly #tenants = new Map<string, Held>();
  readonly #all: Held = { requests: 0, bytes: 0 };

  /** @param retryAfterSeconds what to tell those for whom there is no room now */
  constructor(limits: Limits, retryAfterSeconds: () => number) {
    this.#limits = limits;
    this.#retryAfterSeconds = retryAfterSeconds;
  }

  get taken(): number {
    return this.#all.requests;
  }

  /** @throws LeptonError `overloaded` */
  enter(claim: Claim, bytes: number): Place {
    const held = this.#tenants.get(claim.tenant) ?? { requests: 0, bytes: 0 };
    this.#check(held, 'requests', 1);
    this.#check(held, 'bytes', bytes);
    this.#tenants.set(claim.tenant, held);
    this.#change(held, 1, bytes);
    return new Place(this, held, claim, bytes);
  }

  /** For one of its places, that has some. @throws LeptonError `overloaded` */
  grow(held: Held, bytes: number, has: number): void {
    this.#check(held, 'bytes', bytes, has);
    this.#change(held, 0, bytes);
  }

  /** One of its places. */
  leave(held: Held, tenant: string, bytes: number): void {
    this.#change(held, -1, -bytes);
    if (held.requests === 0) this.#tenants.delete(tenant);
  }

  #change(held: Held, requests: number, bytes: number): void {
    held.requests += requests;
    held.bytes += bytes;
    this.#all.requests += requests;
    this.#all.bytes += bytes;
  }

  /**
   * A tenant may hold its limit, and at most four times what is free: the more there are, the less each may hold, and who
   * comes new finds room. Source: A. K. Choudhury and E. L. Hahne, "Dynamic Queue Length Thresholds", 1998.
   */
  #check(held: Held, what: keyof Held, wanted: number, has = 0): void {
    const limit = this.#limits[what];
    const all = this.#all[what];
    // Whoever is alone has room.
    if (all === has || wanted === 0) return;
    const spare = Math.ceil(limit * SPARE);
    const free = limit + spare - all;
    if (held[what] + wanted <= limit && wanted <= free && held[what] < (limit / spare) * free) return;
    const have = `you have ${held[what]} ${what === 'bytes' ? 'bytes of requests' : 'requests'} waiting`;
    throw new LeptonError('overloaded', `there is no room for more now (${have}): try again later`, {
      retryAfterSeconds: this.#retryAfterSeconds(),
    });
  }
}

/** One request's place in a queue. */
export class Place {
  readonly claim: Claim;
  /** Runs that it is on. */
  running = 0;
  readonly #places: Places;
  readonly #held: Held;
  #bytes: number;
  #hasLeft = false;

  constructor(places: Places, held: Held, claim: Claim, bytes: number) {
    this.#places = places;
    this.#held = held;
    this.claim = claim;
    this.#bytes = bytes;
  }

  /** Says how many bytes there are, where they are more than was known. @throws LeptonError `overloaded` */
  grow(bytes: number): void {
    if (bytes <= this.#bytes || this.#hasLeft) return;
    this.#places.grow(this.#held, bytes - this.#bytes, this.#bytes);
    this.#bytes = bytes;
  }

  /** Idempotent. */
  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#places.leave(this.#held, this.claim.tenant, this.#bytes);
  }
}
