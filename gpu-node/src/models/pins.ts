/** What is to stay loaded: brought here without waiting for a request, kept, and tried again when it fails. */
import type { PinReport } from '@lepton-edge/protocol';
import { NoRoom } from './evictions.ts';
import type { ModelChange, Models } from './lifecycle.ts';
import type { VersionTarget } from './version-source.ts';

/** What a reference stands for now; one of a traffic split stands for several. */
export interface Wanted {
  reference: string;
  target: VersionTarget;
}

export interface Unresolved {
  reference: string;
  reason: string;
}

export interface PinsOptions {
  /** What is to be pinned; what it stands for is said by `want`. */
  references: readonly string[];
  models: Pick<Models, 'load' | 'pin' | 'stateOf'>;
  /** Told of everything that comes to be ready, fails, or stands for nothing. */
  onChange(report: PinReport): void;
}

interface Pin {
  readonly reference: string;
  target: VersionTarget;
  state: 'wanted' | 'ready' | 'failed';
  reason: string | undefined;
  /** Milliseconds since 1970. */
  nextTryAt: number | undefined;
  failures: number;
  readyAt: number;
  timer: NodeJS.Timeout | undefined;
  unpin: () => void;
  /** Another version is wanted under its reference: it stays until that one is ready. */
  retiring: boolean;
  unloaded: boolean;
  dropped: boolean;
}

const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 60_000;
/** What was ready for so long did not fail at once. */
const STABLE_MS = 60_000;

export class Pins {
  readonly #options: PinsOptions;
  readonly #pins = new Map<string, Pin>();
  #unresolved: ReadonlyMap<string, string>;
  #closed = false;

  constructor(options: PinsOptions) {
    this.#options = options;
    this.#unresolved = new Map(
      options.references.map((reference) => [reference, 'what it stands for is not known yet']),
    );
  }

  /**
   * Says what the references stand for now. What one stood for before stays until the new one is ready, and while it stands for
   * nothing.
   * @returns once each that is new has been tried; never rejects
   */
  async want(wanted: readonly Wanted[], unresolved: readonly Unresolved[]): Promise<void> {
    if (this.#closed) return;
    const before = this.#unresolved;
    this.#unresolved = new Map(unresolved.map(({ reference, reason }) => [reference, reason]));
    for (const [reference, reason] of this.#unresolved) {
      if (before.get(reference) !== reason) this.#options.onChange({ reference, state: 'unresolved', reason });
    }
    for (const pin of this.#pins.values()) pin.retiring = true;
    const tried: Promise<void>[] = [];
    for (const { reference, target } of wanted) {
      const key = `${reference} ${target.model}@${target.version} ${target.digest}`;
      const known = this.#pins.get(key);
      const pin = known ?? newPin(reference, target);
      // The right to fetch it ends, and comes anew.
      Object.assign(pin, { target, retiring: false });
      if (known && !known.unloaded) continue;
      this.#pins.set(key, pin);
      tried.push(this.#bring(pin));
    }
    this.#retire();
    await Promise.all(tried);
  }

  /** To be told of every change of the models: what an engine lost is loaded again. */
  note({ state, digest }: ModelChange): void {
    for (const pin of this.#pins.values()) {
      if (pin.target.digest !== digest || pin.state !== 'ready') continue;
      // By request: who asked for it says by `want` whether it is to come back.
      if (state === 'unloaded') Object.assign(pin, { state: 'wanted', unloaded: true });
      if (state !== 'lost') continue;
      if (Date.now() - pin.readyAt > STABLE_MS) pin.failures = 0;
      if (pin.failures > 0) this.#failed(pin, 'its engine lost it again');
      else void this.#bring(pin);
      pin.failures++;
    }
  }

  report(): PinReport[] {
    const unresolved = [...this.#unresolved].map(([reference, reason]) => {
      return { reference, state: 'unresolved' as const, reason };
    });
    return [...unresolved, ...[...this.#pins.values()].map((pin) => this.#reportOf(pin))];
  }

  /** Tries nothing any more. */
  close(): void {
    this.#closed = true;
    for (const pin of this.#pins.values()) this.#drop(pin);
    this.#pins.clear();
  }

  async #bring(pin: Pin): Promise<void> {
    const { models, onChange } = this.#options;
    Object.assign(pin, { state: 'wanted', unloaded: false, reason: undefined, nextTryAt: undefined });
    try {
      const lease = await models.load(pin.target);
      lease.release();
      // `note` passes over what is not ready.
      if (models.stateOf(pin.target.digest) !== 'ready') throw new Error('it was lost before it could be kept');
      if (!pin.dropped) {
        pin.unpin = models.pin(pin.target.digest);
        pin.state = 'ready';
        pin.readyAt = Date.now();
        onChange(this.#reportOf(pin));
      }
    } catch (error) {
      if (pin.dropped) return;
      if (error instanceof NoRoom && this.#giveUpFor(pin)) return await this.#bring(pin);
      this.#failed(pin, error instanceof Error ? error.message : String(error));
      pin.failures++;
    }
    this.#retire();
  }

  #failed(pin: Pin, reason: string): void {
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** pin.failures, LAST_WAIT_MS);
    Object.assign(pin, { state: 'failed', reason, nextTryAt: Date.now() + waitMs });
    pin.timer = setTimeout(() => void this.#bring(pin), waitMs).unref();
    this.#options.onChange(this.#reportOf(pin));
  }

  /** Lets what the reference stood for before go, where both do not fit. @returns whether there was any */
  #giveUpFor({ reference }: Pin): boolean {
    const before = [...this.#pins.values()].filter((pin) => pin.reference === reference && pin.retiring);
    for (const pin of before) this.#drop(pin);
    return before.length > 0;
  }

  #retire(): void {
    for (const pin of this.#pins.values()) {
      if (!pin.retiring) continue;
      // Nothing is known that could take its place, and it still runs.
      if (this.#unresolved.has(pin.reference) && this.#options.models.stateOf(pin.target.digest) !== undefined)
        continue;
      const next = [...this.#pins.values()].filter((each) => each.reference === pin.reference && !each.retiring);
      if (next.every(({ state }) => state === 'ready')) this.#drop(pin);
    }
  }

  #drop(pin: Pin): void {
    pin.dropped = true;
    clearTimeout(pin.timer);
    pin.unpin();
    for (const [key, each] of this.#pins) if (each === pin) this.#pins.delete(key);
  }

  #reportOf({ reference, target, state, reason, nextTryAt }: Pin): PinReport {
    const phase = this.#options.models.stateOf(target.digest);
    const working = phase === undefined || phase === 'ready' ? 'wanted' : phase;
    return {
      reference,
      version: target.version,
      state: state === 'wanted' ? working : state,
      ...(reason === undefined ? {} : { reason: reason.slice(0, 1000) }),
      ...(nextTryAt === undefined ? {} : { nextTryAt: new Date(nextTryAt).toISOString() }),
    };
  }
}

function newPin(reference: string, target: VersionTarget): Pin {
  return {
    reference,
    target,
    state: 'wanted',
    reason: undefined,
    nextTryAt: undefined,
    failures: 0,
    readyAt: 0,
    timer: undefined,
    unpin: () => undefined,
    retiring: false,
    unloaded: false,
    dropped: false,
  };
}
