/** Virtual time: what is to happen, in its order. While it runs, the clock and the timers of the process are its own. */

interface Event {
  at: number;
  /** Of those at one time the one that was planned first comes first. */
  order: number;
  /** Undefined: it was cancelled. */
  happen: (() => void) | undefined;
}

export class VirtualTime {
  now = 0;
  /** A heap: the next one first. */
  readonly #events: Event[] = [];
  #order = 0;

  after(ms: number, happen: () => void): Event {
    return this.at(this.now + ms, happen);
  }

  at(at: number, happen: () => void): Event {
    const event: Event = { at, order: this.#order++, happen };
    let place = this.#events.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#events[parent] as Event;
      if (!isBefore(event, above)) break;
      this.#events[place] = above;
      place = parent;
    }
    this.#events[place] = event;
    return event;
  }

  /** All that happens until then, each with all that waited for it. */
  async run(until: number): Promise<void> {
    const { setTimeout, clearTimeout } = globalThis;
    const { now } = Date;
    const own = {
      setTimeout: (happen: () => void, ms = 0) => this.after(ms, happen),
      clearTimeout: (event: Event | null | undefined) => {
        if (event) event.happen = undefined;
      },
    };
    Object.assign(globalThis, own);
    Date.now = () => this.now;
    try {
      for (let event = this.#next(); event && event.at <= until; event = this.#next()) {
        if (!event.happen) continue;
        this.now = Math.max(this.now, event.at);
        event.happen();
        await settled();
      }
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      Date.now = now;
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

/** Once no promise is left that could go on by itself: Node takes a tick when there are no more microtasks, and nothing else before it. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
