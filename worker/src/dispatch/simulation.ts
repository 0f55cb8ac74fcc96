/** Virtual time: what is to happen, in its order, and chance that is the same for the same seed. */

interface Event {
  at: number;
  /** Of those at one time the one that was planned first comes first. */
  order: number;
  happen: () => void;
}

export class Simulation {
  now = 0;
  /** A heap: the next one first. */
  readonly #events: Event[] = [];
  #order = 0;
  readonly random: () => number;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  after(ms: number, happen: () => void): void {
    this.at(this.now + ms, happen);
  }

  at(at: number, happen: () => void): void {
    const event = { at, order: this.#order++, happen };
    let place = this.#events.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#events[parent] as Event;
      if (!isBefore(event, above)) break;
      this.#events[place] = above;
      place = parent;
    }
    this.#events[place] = event;
  }

  run(until: number): void {
    for (let event = this.#next(); event && event.at <= until; event = this.#next()) {
      this.now = Math.max(this.now, event.at);
      event.happen();
    }
  }

  #next(): Event | undefined {
    const [first] = this.#events;
    const last = this.#events.pop();
    if (!last || this.#events.length === 0) return first;
    let place = 0;
    for (let child = 1; child < this.#events.length; child = 2 * place + 1) {
      const [left, right] = [this.#events[child] as Event, this.#events[child + 1]];
      if (right && isBefore(right, left)) child += 1;
      const below = this.#events[child] as Event;
      if (!isBefore(below, last)) break;
      this.#events[place] = below;
      place = child;
    }
    this.#events[place] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Numbers in [0, 1), the same for the same seed: mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
