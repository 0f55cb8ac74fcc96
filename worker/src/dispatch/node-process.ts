/** What an isolate knows of one process of a node: what it reported, and what the isolate's own calls showed since. Pure. */
import type { LeptonError } from '@lepton-edge/protocol';
import { CircuitBreaker } from './circuit-breaker.ts';
import { OwnCalls } from './own-calls.ts';
import { type Asker, VersionWork } from './version-work.ts';

/** Versions that were not called for so long are forgotten, where there are many. */
const FORGOTTEN_AFTER_MS = 60_000;
const MANY_VERSIONS = 256;

export interface CallKnown {
  /** What waits before it is expected to take so long. */
  waitMs: number;
  /** Whether the version was there: what a load took says nothing of the next call. */
  isWarm: boolean;
}

/** A call under way. One of these is to be called once. */
export interface NodeCall {
  /** @returns after how long, in ms */
  answered(): number;
  /** It answered that the request is at fault, which says nothing of how long others take. */
  refused(): void;
  /** `silent`: no answer came, or half of one. `sick`: not as a node should answer. `away`: it does not work now. */
  failed(how: 'silent' | 'sick' | 'away'): void;
  /** It said that it has no room. */
  full(error: LeptonError): void;
  /** Nobody waits for it any more. */
  abandoned(): void;
}

export class NodeProcess {
  readonly circuit = new CircuitBreaker();
  readonly #now: () => number;
  readonly #calls = new OwnCalls();
  readonly #works = new Map<string, VersionWork>();
  #reported = 0;
  #reportedAt = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param pending requests that it works on or has waiting */
  report(pending: number, at: number): void {
    this.#reported = pending;
    this.#reportedAt = at;
    if (this.#works.size <= MANY_VERSIONS) return;
    for (const [digest, work] of this.#works) {
      if (work.calls.size === 0 && work.endedAt < at - FORGOTTEN_AFTER_MS) this.#works.delete(digest);
    }
  }

  get reportedAt(): number {
    return this.#reportedAt;
  }

  /** When it answered a call last, whatever it said. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** What it has to do. */
  pending(now: number): number {
    return this.#calls.pending(this.#reported, this.#reportedAt, now);
  }

  /** What calls of the version have shown. */
  workOn(digest: string): VersionWork {
    const work = this.#works.get(digest) ?? new VersionWork();
    this.#works.set(digest, work);
    return work;
  }

  begin(work: VersionWork, asker: Asker, { waitMs, isWarm }: CallKnown): NodeCall {
    const begunAt = this.#now();
    work.begin(begunAt);
    const call = this.#calls.begin(work.calls, asker.team, begunAt);
    const isProbe = this.circuit.begin(begunAt);
    /** @returns what it took beyond what waited before it */
    const end = () => {
      this.#calls.end(call, this.#now());
      work.endedAt = this.#now();
      return Math.max(0, this.#now() - begunAt - waitMs);
    };
    const answered = () => {
      this.circuit.answered();
      this.#answeredAt = this.#now();
      work.answered(this.#answeredAt);
    };
    return {
      answered: () => {
        const delayMs = end();
        answered();
        work.worked(delayMs, isWarm, this.#now());
        return this.#now() - begunAt;
      },
      refused: () => {
        end();
        answered();
      },
      failed: (how) => {
        end();
        if (how !== 'away') return this.circuit.failed(this.#now(), { isSilent: how === 'silent', isProbe });
        answered();
        work.away(this.#now());
      },
      full: (error) => {
        end();
        answered();
        work.full(asker, error, this.#now());
      },
      abandoned: () => {
        const delayMs = end();
        this.circuit.abandoned(isProbe);
        if (isWarm) work.abandoned(delayMs, this.#now());
      },
    };
  }
}
