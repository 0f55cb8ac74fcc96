/** Whose a request is, and how soon it must be answered: what decides when its turn comes. */
import { LeptonError, type Priority } from '@lepton-edge/protocol';

/** Thrown to a request whose caller went away while it waited; nobody is left to read it. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';
}

/** Who waits for an answer. An AbortSignal would do, but costs as much as a small model's run. */
export class Caller {
  isGone = false;
  #onGone: (() => void) | undefined;

  /** @param then is called once if the caller goes; the next one takes its place */
  whenGone(then: () => void): void {
    this.#onGone = then;
    if (this.isGone) then();
  }

  go(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.#onGone?.();
  }
}

export class Claim {
  readonly tenant: string;
  readonly caller: Caller;
  readonly #arrivedAt: number;
  priority: Priority;
  /** When its answer is of no more use; infinite where it always is. Both times by the clock of the queue. */
  deadlineAt = Number.POSITIVE_INFINITY;

  constructor(tenant: string, priority: Priority, arrivedAt: number, caller = new Caller()) {
    this.tenant = tenant;
    this.priority = priority;
    this.#arrivedAt = arrivedAt;
    this.caller = caller;
  }

  /** Of several times the shortest counts. @param timeoutMs from when the request arrived */
  answerWithin(timeoutMs: number | undefined): this {
    if (timeoutMs !== undefined) this.deadlineAt = Math.min(this.deadlineAt, this.#arrivedAt + timeoutMs);
    return this;
  }

  get hasDeadline(): boolean {
    return this.deadlineAt !== Number.POSITIVE_INFINITY;
  }

  /** @param waitMs what is before it takes at least @throws LeptonError `deadline_exceeded` when the answer would surely be late */
  check(now: number, waitMs = 0): void {
    if (now >= this.deadlineAt) throw this.late();
    if (now + waitMs >= this.deadlineAt)
      throw this.late(`would pass: what waits before it takes ${waitMs.toFixed(0)} ms`);
  }

  late(why = 'have passed before its turn came'): LeptonError {
    const ms = Number((this.deadlineAt - this.#arrivedAt).toFixed(3));
    return new LeptonError('deadline_exceeded', `the ${ms} ms in which this request wanted its answer ${why}`);
  }
}
