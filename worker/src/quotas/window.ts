/** A sum over the last minute that slides: what was used leaves it a minute later. Pure. */
import { WINDOW_MS } from './terms.ts';

/** What comes within so long counts as one, used at its end. */
const GATHER_MS = 500;

/** From when until when it was used, and how much. */
export type Entry = [sinceMs: number, untilMs: number, amount: number];

export class SlidingWindow {
  #entries: Entry[];

  constructor(entries: Entry[] = []) {
    this.#entries = entries;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  add(amount: number, now: number): void {
    if (amount === 0) return;
    const last = this.#entries.at(-1);
    if (last && now - last[0] < GATHER_MS) {
      last[1] = Math.max(last[1], now);
      last[2] += amount;
    } else this.#entries.push([now, now, amount]);
  }

  sum(now: number): number {
    this.#forgetOld(now);
    return this.#entries.reduce((sum, [, , amount]) => sum + amount, 0);
  }

  /** What was not used after all, of the oldest, whenever it was taken: what stays leaves the window no sooner than it should. */
  takeBack(amount: number, now: number): void {
    if (amount === 0) return;
    this.#forgetOld(now);
    let left = amount;
    for (const entry of this.#entries) {
      const part = Math.min(left, entry[2]);
      entry[2] -= part;
      left -= part;
    }
    this.#entries = this.#entries.filter(([, , rest]) => rest > 0);
  }

  #forgetOld(now: number): void {
    const old = this.#entries.findIndex(([, until]) => until + WINDOW_MS > now);
    this.#entries = old === -1 ? [] : this.#entries.slice(old);
  }

  /** When how much leaves it, in order. */
  leaving(): { at: number; amount: number }[] {
    return this.#entries.map(([, until, amount]) => ({ at: until + WINDOW_MS, amount }));
  }
}
