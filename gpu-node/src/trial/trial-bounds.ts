/**
 * When a trial's process must be ended, and whose doing that is. A model is answerable for the time it computed and the
 * memory it took; that the machine gave it no time is no finding about it.
 */
import type { TrialFailure } from '@lepton-edge/protocol';
import type { ProcessUsage } from './process-usage.ts';

export interface TrialLimits {
  /** For loading, and again for all runs together. */
  timeMs: number;
  /** Resident memory of the process. */
  memoryBytes: number;
}

/** `starting` is the process's own beginning: nothing of the model is read yet. */
export type TrialPhase = 'starting' | 'loading' | 'running';

/** `machine`: this machine could not try it now. */
export type Verdict = { fault: 'model'; failure: TrialFailure } | { fault: 'machine'; reason: string };

const START_MS = 60_000;
/** Of its time, a model that computes has had at least this share: the rest went to others. */
const OWN_SHARE = 0.5;
/** A model is waited for this many times its limit where the machine gives it less than its share. */
const PATIENCE = 4;

export class TrialBounds {
  readonly #limits: TrialLimits;
  readonly #now: () => number;
  #phase: TrialPhase = 'starting';
  #since: number;
  /** At the first look into the phase. */
  #cpuAtStart: number | undefined;
  #lastBytes = 0;

  constructor(limits: TrialLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
    this.#since = now();
  }

  get phase(): TrialPhase {
    return this.#phase;
  }

  /** What the process held when it was looked at last. */
  get lastBytes(): number {
    return this.#lastBytes;
  }

  enter(phase: TrialPhase): void {
    this.#phase = phase;
    this.#since = this.#now();
    this.#cpuAtStart = undefined;
  }

  /** @param usage undefined where the system does not tell: the time on the clock decides then */
  check(usage: ProcessUsage | undefined): Verdict | undefined {
    const { timeMs, memoryBytes } = this.#limits;
    if (usage) {
      this.#cpuAtStart ??= usage.cpuMs;
      this.#lastBytes = usage.bytes;
    }
    if (usage && usage.bytes > memoryBytes) {
      return modelFault('memory', `it took ${usage.bytes} bytes of memory, at most ${memoryBytes} were allowed`);
    }
    const elapsedMs = this.#now() - this.#since;
    if (this.#phase === 'starting') {
      return elapsedMs > START_MS ? machineFault('its process did not start within a minute') : undefined;
    }
    if (elapsedMs < timeMs) return undefined;
    const cpuMs = usage ? usage.cpuMs - (this.#cpuAtStart ?? 0) : elapsedMs;
    const what = this.#phase === 'loading' ? 'loading' : 'its runs';
    if (cpuMs >= timeMs * OWN_SHARE) return modelFault('stopped', `${what} did not end within ${timeMs / 1000} s`);
    if (elapsedMs < timeMs * PATIENCE) return undefined;
    return machineFault(`${what} got ${cpuMs / 1000} s of computing in ${Math.round(elapsedMs / 1000)} s`);
  }
}

function modelFault(kind: TrialFailure['kind'], message: string): Verdict {
  return { fault: 'model', failure: { kind, message } };
}

function machineFault(reason: string): Verdict {
  return { fault: 'machine', reason };
}
