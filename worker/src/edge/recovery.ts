/**
 * A model can stop ONNX Runtime in the middle of a step (a trap), after which nothing in its memory can be relied on. It is made
 * as it was at its start, with no session open, as soon as nobody is inside any more. Pure; the clock is injected.
 */
import { LRUCache } from 'lru-cache';

/** A call that was cancelled never leaves. */
const LEAVES_WITHIN_MS = 10_000;
/** So long a model that stopped the runtime is not run again here: it costs all others their sessions. */
const SHUT_OUT_MS = 60_000;
const MAX_SHUT_OUT = 1_000;

/** One call inside the runtime. */
export interface Visit {
  /** Whether the runtime was stopped since the call entered: what it got from there cannot be relied on. */
  isVoid(): boolean;
  leave(): void;
}

export class Recovery {
  readonly #now: () => number;
  readonly #shutOut: LRUCache<string, number>;
  readonly #inside = new Set<Visit>();
  /** Counts the times it was stopped. */
  #stops = 0;
  #stoppedAt: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
    this.#shutOut = new LRUCache({ max: MAX_SHUT_OUT });
  }

  /** Whether the runtime must be made as it was before anything else. */
  get isDue(): boolean {
    return this.#stoppedAt !== undefined;
  }

  /** Whether that can be done now. */
  get isPossible(): boolean {
    return this.#inside.size === 0 || this.#now() > (this.#stoppedAt ?? 0) + LEAVES_WITHIN_MS;
  }

  /** Whether a model stopped the runtime lately. */
  isShutOut(modelId: string): boolean {
    const until = this.#shutOut.get(modelId);
    return until !== undefined && this.#now() < until;
  }

  enter(): Visit {
    const stops = this.#stops;
    const visit: Visit = {
      isVoid: () => this.#stops !== stops,
      leave: () => void this.#inside.delete(visit),
    };
    this.#inside.add(visit);
    return visit;
  }

  /** This model has stopped the runtime. */
  stopped(modelId: string): void {
    this.#stops++;
    this.#stoppedAt ??= this.#now();
    this.#shutOut.set(modelId, this.#now() + SHUT_OUT_MS);
  }

  /** The runtime is as it was. */
  done(): void {
    this.#inside.clear();
    this.#stoppedAt = undefined;
  }
}
