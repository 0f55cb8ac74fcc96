/**
 * Which runs at the edge go next, and which go together: those of one version that wait when its turn comes are put into
 * one run, as far as admission showed that this changes no answer.
 *
 * A run is computed inside one of the requests that wait for it, which is called when its turn has come; the others only get
 * plain data from it. Nothing outside is waited for between a run's begin and its end. A request that was called and is gone
 * is passed over by whichever of the others looks first: each has a timer of its own, by which those that were to share its run
 * come back, too. What is waiting is kept alive by its request's `waitUntil`, so that this is rare.
 */
import { Batch, type BatchPlan, type Member, type Tensor } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import { FairLines, type InLine } from './fair-lines.ts';

/** A run that several requests shared failed in a way of which only some of them may be the cause. */
export class FailedTogether extends Error {
  override readonly name = 'FailedTogether';
}

export interface Job extends InLine {
  inputs: readonly Tensor[];
  /** The outputs wanted, in order. */
  outputs: readonly string[];
  /** How it may share a run; absent where it must not. */
  batchable: { plan: BatchPlan; member: Member } | undefined;
  /** What it costs to run it alone, in ms. */
  aloneMs: number;
  /** Throws where the run is no longer to begin. */
  check(): void;
  /** Computes only: waits for nothing outside. @throws FailedTogether only for a run that several share */
  run(inputs: readonly Tensor[], outputs: readonly string[], isShared: boolean): Promise<Tensor[]>;
}

/** Plain data: the request that ran it may be another one's. */
export interface Ran {
  outputs: Tensor[];
  /** When its run began, by the queue's clock. */
  begunAt: number;
  /** How many requests shared it. */
  shared: number;
}

type Outcome = { ran: Ran } | { error: unknown };

interface Waiting extends Job {
  outcome: Outcome | undefined;
  /** Was called and did nothing: it is in no line. */
  isPassedOver: boolean;
  /** Whose run it was put into. */
  takenBy: Waiting | undefined;
  /** Lets its request look what has become of it. */
  wake(): void;
}

/** A run that several share keeps others waiting no longer than about this. */
const MAX_SHARED_MS = 100;
/** How often each that waits looks whether the one that was called is still there. */
const LOOK_EVERY_MS = 250;
/** So often the same is seen before it is passed over: others may just have been computing for long. */
const MAX_LOOKS = 2;
/** Where nobody has looked for so long, nobody is there. */
const GONE_AFTER_MS = 5_000;

/** What one that waits saw when it last looked. */
interface Seen {
  called: Waiting | undefined;
  beat: number;
  times: number;
}

/** What is had from outside. */
export interface Outside {
  now(): number;
  /** Ends when what has arrived by now is a step further. */
  gather(): Promise<void>;
}

const OUTSIDE: Outside = { now: () => performance.now(), gather: () => scheduler.wait(0) };
/** Where one run follows the other without end, who arrives has no other time to be told that there is no room. */
const STEPS_WHEN_CROWDED = 4;

export class RunQueue {
  readonly #outside: Outside;
  readonly #lines = new FairLines<Waiting>();
  /** Whose request is to run what is next, or runs. */
  #called: Waiting | undefined;
  #runningMs = 0;
  /** Changes whenever something has come of a call. */
  #beat = 0;
  /** When one that waits was there last. */
  #heardAt = 0;

  constructor(outside: Outside = OUTSIDE) {
    this.#outside = outside;
  }

  /** Whether nothing runs and nothing waits. */
  get isIdle(): boolean {
    this.#forgetGone();
    return this.#called === undefined && this.#lines.count === 0;
  }

  /** What waits and runs costs, in ms as admission measured it. */
  get queuedMs(): number {
    this.#forgetGone();
    return this.#lines.costMs + this.#runningMs;
  }

  /** At least so long one more in a line would wait, by the same measure. */
  waitMs(line: string): number {
    this.#forgetGone();
    return this.#lines.waitMs(line) + this.#runningMs;
  }

  /** @throws LeptonError `overloaded` where a team's job of such a cost would not be taken on */
  checkRoom(team: string, costMs: number): void {
    this.#forgetGone();
    this.#lines.check({ team, bytes: 0, costMs });
  }

  /** @throws LeptonError `overloaded` when too much waits; what `check` and `run` of the job throw */
  async run(job: Job, waitUntil: WaitUntil): Promise<Ran> {
    const me: Waiting = { ...job, outcome: undefined, isPassedOver: false, takenBy: undefined, wake: () => undefined };
    this.#enter(me);
    const attended = this.#attend(me);
    waitUntil(attended);
    const outcome = await attended;
    if ('error' in outcome) throw outcome.error;
    return outcome.ran;
  }

  #enter(me: Waiting): void {
    this.#lines.add(me);
    this.#called ??= me;
    this.#heardAt = this.#outside.now();
  }

  /** With all of their requests gone none is left to pass over the one that was called, and the edge would look busy for ever. */
  #forgetGone(): void {
    if (this.#called === undefined || this.#outside.now() < this.#heardAt + GONE_AFTER_MS) return;
    const all = this.#lines.clear();
    this.#callNext();
    // Where one is there after all, it waits anew.
    for (const job of all) {
      job.isPassedOver = true;
      job.wake();
    }
  }

  /** Nothing that waits is to be run any more. */
  rejectAll(error: unknown): void {
    for (const job of this.#lines.clear()) settle(job, { error });
  }

  /** Never rejects. */
  async #attend(me: Waiting): Promise<Outcome> {
    const seen: Seen = { called: this.#called, beat: this.#beat, times: 0 };
    const timer = setInterval(() => this.#look(me, seen), LOOK_EVERY_MS);
    try {
      while (!me.outcome) {
        if (me.isPassedOver) {
          me.isPassedOver = false;
          this.#enter(me);
        } else if (this.#called === me) {
          await this.#gather();
          if (this.#called === me && !me.outcome) await this.#proceed(me);
        } else {
          const { promise, resolve } = Promise.withResolvers<void>();
          me.wake = resolve;
          await promise;
        }
      }
      return me.outcome;
    } catch (error) {
      return { error };
    } finally {
      clearInterval(timer);
      this.#lines.drop(me);
      if (this.#called === me) this.#callNext();
    }
  }

  async #gather(): Promise<void> {
    await this.#outside.gather();
    for (let step = 1; step < STEPS_WHEN_CROWDED && this.#lines.isCrowded; step++) await this.#outside.gather();
  }

  /** Passes over one that was called and does nothing: by its request's end, nothing of it is heard any more. */
  #look(me: Waiting, seen: Seen): void {
    this.#heardAt = this.#outside.now();
    const late = lateness(me);
    if (late && this.#lines.drop(me)) settle(me, late);
    const called = this.#called;
    if (me.takenBy !== undefined && me.takenBy !== called) {
      me.takenBy = undefined;
      me.isPassedOver = true;
      me.wake();
    }
    const isSame = called !== undefined && called !== me && called === seen.called && this.#beat === seen.beat;
    if (isSame && ++seen.times >= MAX_LOOKS) {
      called.isPassedOver = this.#lines.drop(called);
      this.#callNext();
      called.wake();
    }
    if (isSame) return;
    Object.assign(seen, { called, beat: this.#beat, times: 0 });
  }

  #callNext(): void {
    this.#beat++;
    this.#runningMs = 0;
    this.#heardAt = this.#outside.now();
    this.#called = this.#lines.next();
    if (this.#called) this.#called.wake();
    else this.#lines.settle();
  }

  /** Runs what is next where that is this request's, and lets the request do it whose it is otherwise. */
  async #proceed(me: Waiting): Promise<void> {
    if (this.#lines.next() !== me) return this.#callNext();
    const late = lateness(me);
    if (late) {
      this.#lines.drop(me);
      settle(me, late);
      return this.#callNext();
    }
    const { jobs, batch, costMs } = this.#groupOf(me);
    this.#lines.take(jobs, costMs);
    for (const job of jobs) job.takenBy = me;
    this.#runningMs = costMs;
    this.#beat++;
    try {
      const begunAt = this.#outside.now();
      const isDone = batch !== undefined && (await runTogether(me, batch, jobs, begunAt));
      if (!isDone) await this.#runEach(jobs, begunAt);
    } finally {
      if (this.#called === me) this.#callNext();
    }
  }

  /** One by one; where a run together came to nothing, each is charged for its own, too. */
  async #runEach(jobs: readonly Waiting[], begunAt: number): Promise<void> {
    for (const job of jobs) {
      if (jobs.length > 1) {
        this.#lines.charge(job, job.aloneMs);
        this.#runningMs = job.aloneMs;
      }
      settle(job, await outcomeAlone(job, begunAt));
    }
  }

  /** This one and those of its version that fit it. */
  #groupOf(me: Waiting): { jobs: [Waiting, ...Waiting[]]; batch: Batch | undefined; costMs: number } {
    const jobs: [Waiting, ...Waiting[]] = [me];
    if (!me.batchable || me.batchable.plan.withdrawn) return { jobs, batch: undefined, costMs: me.aloneMs };
    const { plan, member } = me.batchable;
    const batch = new Batch(plan, member);
    let costMs = me.costMs;
    for (const job of this.#lines.from(me.line)) {
      if (batch.full) break;
      if (job === me || job.batchable?.plan !== plan) continue;
      const late = lateness(job);
      if (late) {
        this.#lines.drop(job);
        settle(job, late);
      } else if (costMs + job.costMs <= MAX_SHARED_MS && batch.add(job.batchable.member)) {
        jobs.push(job);
        costMs += job.costMs;
      }
    }
    return { jobs, batch: jobs.length > 1 ? batch : undefined, costMs: Math.max(costMs, me.aloneMs) };
  }
}

function settle(job: Waiting, outcome: Outcome): void {
  job.outcome ??= outcome;
  job.wake();
}

function lateness(job: Job): { error: unknown } | undefined {
  try {
    job.check();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** @returns false where each is to be run by itself */
async function runTogether(me: Job, batch: Batch, jobs: readonly Waiting[], begunAt: number): Promise<boolean> {
  try {
    const parts = batch.split(await me.run(batch.inputs(), batch.outputs(), true));
    if (!parts) {
      // Its outputs do not count items as said.
      batch.plan.withdrawn = true;
      return false;
    }
    for (const [i, job] of jobs.entries()) {
      const outputs = (parts[i] as Tensor[]).map(ownCopy);
      settle(job, { ran: { outputs, begunAt, shared: jobs.length } });
    }
  } catch (error) {
    if (error instanceof FailedTogether) return false;
    for (const job of jobs) settle(job, { error });
  }
  return true;
}

async function outcomeAlone(job: Job, begunAt: number): Promise<Outcome> {
  try {
    return { ran: { outputs: await job.run(job.inputs, job.outputs, false), begunAt, shared: 1 } };
  } catch (error) {
    return { error };
  }
}

/** Not a view: who keeps it would keep the whole batch. */
function ownCopy(tensor: Tensor): Tensor {
  return { ...tensor, data: tensor.data.slice() };
}
