/**
 * A key's quota in one isolate: a request takes what it needs from the lease without waiting, else it waits for the ledger, one ask
 * for all who wait. Each second the ledger is told what was used, and gets back what was not. Clock and ledger are handed in.
 */
import type { WaitUntil } from '../cache/single-flight.ts';
import { Lease, type Place } from './lease.ts';
import { awayError, QuotaRefused } from './refusals.ts';
import {
  type Answer,
  type Ask,
  DIMENSIONS,
  type Dimension,
  type Limits,
  type Need,
  type Refusal,
  WINDOW_MS,
} from './terms.ts';

const TELL_EVERY_MS = 1_000;
/** An answer that takes longer is not waited for: its asker may be gone. Who waits asks then, once. */
const ANSWER_WITHIN_MS = 1_000;
/** How often a ledger that did not answer is tried. */
const TRY_EVERY_MS = 1_000;
/** How long a place that came free is kept for the next request here. */
const KEEP_PLACE_MS = 50;
/** How long a refusal is repeated without asking. */
const REPEAT_MS = 250;
/** What was taken longer ago is not given back. */
const GIVE_BACK_WITHIN_MS = WINDOW_MS / 2;
/** The work after an answer ends before the platform ends it. */
const MAX_ROUNDS = 20;

export interface AccountOptions {
  /** A name that no other isolate has. */
  newSession: () => string;
  /** Rejects when the ledger cannot be reached; undefined for an ask that was overtaken. */
  exchange: (ask: Ask) => Promise<Answer | undefined>;
  /** What becomes of requests while the ledger cannot be reached. */
  whenAway: 'open' | 'closed';
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

type Outcome = 'granted' | 'away' | Refusal;

interface Waiter {
  need: Need;
  place: Place | undefined;
  outcome?: Outcome;
  /** Tells it that there is an outcome. */
  wake: () => void;
}

interface Asking {
  since: number;
  done: Promise<void>;
  /** Another one is to follow. */
  isFollowed: boolean;
}

export class Account {
  readonly #options: AccountOptions;
  readonly #lease: Lease;
  readonly #waiters = new Set<Waiter>();
  #asking: Asking | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** When the ledger did not answer last; undefined once it has. */
  #lostAt: number | undefined;
  #returningSince = Number.NEGATIVE_INFINITY;
  /** Who tells the ledger each second, and when it last did. */
  #teller = { at: Number.NEGATIVE_INFINITY };
  readonly #refusals = new Map<Dimension, { amount: number; refusal: Refusal; at: number }>();

  constructor(limits: Limits, options: AccountOptions) {
    this.#options = options;
    this.#lease = new Lease(limits, options.newSession, options.now);
  }

  /**
   * Takes what a request needs; undefined: it is taken already.
   * @param place set where `need` has a place
   * @throws LeptonError `quota_exceeded`, `larger_than_quota`; `unavailable` where the ledger is away and nothing is let pass then
   */
  take(need: Need, limits: Limits, waitUntil: WaitUntil, place?: Place): Promise<void> | undefined {
    if (limits.setAt >= this.#lease.limits.setAt) this.#lease.limits = limits;
    this.#tellLater(waitUntil);
    if (this.#lease.take(need, place)) {
      if (this.#lease.isRunningOut(need) && this.#lostAt === undefined) this.#ask(waitUntil);
      return undefined;
    }
    this.#repeatRefusal(need);
    // Of those that come while the ledger is away one at a time finds out whether it is back.
    const isTried = this.#underWay() !== undefined || this.#options.now() - (this.#lostAt ?? 0) < TRY_EVERY_MS;
    if (this.#lostAt === undefined || !isTried) return this.#wait({ need, place }, waitUntil);
    this.#passWhileAway(need, place);
    return undefined;
  }

  /** A request is over: its place is free, here at once and elsewhere soon. */
  leave(place: Place, waitUntil: WaitUntil): void {
    const now = this.#options.now();
    if (this.#lease.leave(place)) this.#askAgain(waitUntil);
    else if (now - this.#returningSince >= ANSWER_WITHIN_MS) {
      this.#returningSince = now;
      waitUntil(this.#returnPlaces(waitUntil));
    }
  }

  /** A request says that it is under way still, and so does the isolate. */
  keep(place: Place, waitUntil: WaitUntil): void {
    this.#lease.keep(place);
    if (this.#options.now() - this.#askedAt >= TELL_EVERY_MS) this.#ask(waitUntil);
  }

  /**
   * What was taken and turned out not to be used, less than 0 where more was; not a place.
   * @returns false where it is not given back: taken long ago it may have left the window, and would be free twice
   */
  giveBack(need: Need, takenAt: number, waitUntil: WaitUntil): boolean {
    const isLate = this.#options.now() - takenAt >= GIVE_BACK_WITHIN_MS;
    if (isLate && DIMENSIONS.some((dimension) => (need[dimension] ?? 0) > 0)) return false;
    this.#lease.giveBack(need);
    this.#tellLater(waitUntil);
    return true;
  }

  standing(): ReturnType<Lease['standing']> {
    return this.#lease.standing();
  }

  /** Whether nothing is held and nothing is to be told. */
  isIdle(): boolean {
    return this.#lease.isIdle() && this.#waiters.size === 0 && !this.#underWay();
  }

  async #returnPlaces(waitUntil: WaitUntil): Promise<void> {
    await this.#options.sleep(KEEP_PLACE_MS);
    this.#returningSince = Number.NEGATIVE_INFINITY;
    if (this.#lease.giveUpPlaces()) this.#askAgain(waitUntil);
  }

  /** Asks now, or after the ask that is under way. */
  #askAgain(waitUntil: WaitUntil): void {
    const asking = this.#underWay();
    if (!asking) this.#ask(waitUntil);
    if (!asking || asking.isFollowed) return;
    asking.isFollowed = true;
    const isOver = Promise.race([asking.done, this.#options.sleep(ANSWER_WITHIN_MS)]);
    waitUntil(isOver.then(() => void this.#ask(waitUntil)));
  }

  #repeatRefusal(need: Need): void {
    for (const dimension of DIMENSIONS) {
      const known = this.#refusals.get(dimension);
      // Of more than was refused it is not known when that is free.
      if (!known || need[dimension] !== known.amount) continue;
      const { waitMs } = known.refusal;
      const passedMs = this.#options.now() - known.at;
      if (passedMs < Math.min(REPEAT_MS, waitMs ?? REPEAT_MS)) {
        throw this.#refused({ dimension, waitMs: waitMs && waitMs - passedMs }, need);
      }
      this.#refusals.delete(dimension);
    }
  }

  #refused(refusal: Refusal, need: Need): Error {
    return new QuotaRefused(refusal, this.#lease.limits[refusal.dimension] ?? 0, need[refusal.dimension] ?? 0);
  }

  /** What passes is told when the ledger is there again. */
  #passWhileAway(need: Need, place: Place | undefined): void {
    if (this.#options.whenAway === 'closed') throw awayError();
    this.#lease.count(need, place);
  }

  async #wait({ need, place }: Pick<Waiter, 'need' | 'place'>, waitUntil: WaitUntil): Promise<void> {
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
    const waiter: Waiter = { need, place, wake };
    this.#waiters.add(waiter);
    for (let late = 0; late < 2 && !waiter.outcome; ) {
      const asking = this.#ask(waitUntil);
      // The ask may be another request's, which may be gone.
      const isLate = this.#options.sleep(ANSWER_WITHIN_MS).then(() => 1);
      late += (await Promise.race([woken, asking.done, isLate])) ?? 0;
    }
    if (!waiter.outcome) {
      this.#waiters.delete(waiter);
      this.#lostAt = this.#options.now();
    }
    const outcome = waiter.outcome ?? 'away';
    if (outcome === 'away') this.#passWhileAway(need, place);
    else if (outcome !== 'granted') throw this.#refused(outcome, need);
  }

  /** The ask that may be answered yet. */
  #underWay(): Asking | undefined {
    const { now } = this.#options;
    return this.#asking && now() - this.#asking.since < ANSWER_WITHIN_MS ? this.#asking : undefined;
  }

  /** Asks, unless an ask is under way. What one request began does not go on for the next: its time may be up. */
  #ask(waitUntil: WaitUntil): Asking {
    const underWay = this.#underWay();
    if (underWay) return underWay;
    this.#askedAt = this.#options.now();
    const asking: Asking = { since: this.#askedAt, done: Promise.resolve(), isFollowed: false };
    this.#asking = asking;
    asking.done = this.#exchange(asking);
    waitUntil(asking.done);
    return asking;
  }

  /** Never rejects. */
  async #exchange(asking: Asking): Promise<void> {
    const waiters = [...this.#waiters];
    const ask = this.#lease.ask(waiters.map(({ need }) => need));
    try {
      const answer = await this.#options.exchange(ask);
      if (!answer || !this.#lease.learn(ask, answer, asking.since)) return;
      this.#lostAt = undefined;
      waiters.forEach((waiter, i) => void this.#settle(waiter, answer.refusals[i]));
      this.#serveFromLease();
    } catch {
      // Another one took over when this was thought lost.
      if (this.#asking !== asking) return;
      this.#lostAt = this.#options.now();
      for (const waiter of waiters) this.#wake(waiter, 'away');
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  }

  #wake(waiter: Waiter, outcome: Outcome): void {
    this.#waiters.delete(waiter);
    waiter.outcome = outcome;
    waiter.wake();
  }

  /** Who came while the ask was under way may find room now. */
  #serveFromLease(): void {
    for (const waiter of this.#waiters) {
      if (!this.#lease.take(waiter.need, waiter.place)) return;
      this.#wake(waiter, 'granted');
    }
  }

  #settle(waiter: Waiter, refusal: Refusal | null | undefined): void {
    // It has gone on without an answer.
    if (!this.#waiters.has(waiter)) return;
    if (!refusal) this.#lease.granted(waiter.need, waiter.place);
    // Places come free at any moment.
    else if (refusal.dimension !== 'concurrent') {
      const amount = waiter.need[refusal.dimension] ?? 0;
      this.#refusals.set(refusal.dimension, { amount, refusal, at: this.#options.now() });
    }
    this.#wake(waiter, refusal ?? 'granted');
  }

  #tellLater(waitUntil: WaitUntil): void {
    const now = this.#options.now();
    // One that is late went away with its request.
    if (now - this.#teller.at < 2 * TELL_EVERY_MS) return;
    this.#teller = { at: now };
    waitUntil(this.#tell(this.#teller, waitUntil));
  }

  async #tell(own: { at: number }, waitUntil: WaitUntil): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await this.#options.sleep(TELL_EVERY_MS);
      if (this.#teller !== own) return;
      own.at = this.#options.now();
      if (this.isIdle()) break;
      this.#lease.giveUpUnused();
      this.#ask(waitUntil);
    }
    own.at = Number.NEGATIVE_INFINITY;
  }
}
