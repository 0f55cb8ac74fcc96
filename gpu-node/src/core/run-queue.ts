/** The requests of one model: which of them run together, and when. */
import { setImmediate as arrivals } from 'node:timers/promises';
import type { Batch, Tensor } from '@lepton-edge/protocol';
import { EngineError } from '../engines/engine.ts';
import { CallerGone, type Claim } from './claim.ts';
import { FairLine } from './fair-line.ts';
import { type Group, groupOf } from './group.ts';
import type { Execution, Job, Ran, Waiting } from './job.ts';
import { Pace } from './pace.ts';
import { type Limits, type Place, Places } from './places.ts';

const MAX_RETRY_AFTER_S = 30;
/** A request goes before those of the next lower priority that came up to so much earlier: so none waits for ever. */
const HEAD_START_MS = 2_000;
/** Answers. Fewer make small batches, of more the engine waits for longer. */
const DELIVERED_AT_ONCE = 16;

/** Gives what a run came to, to those who wait for it. */
type Deliver = () => void | Promise<void>;

export class RunQueue {
  readonly #now: () => number;
  readonly #line = new FairLine<Waiting>();
  readonly #places: Places;
  readonly #pace = new Pace();
  /** Those among the waiting that have a deadline, each with what wakes it then. */
  readonly #deadlines = new Map<Waiting, NodeJS.Timeout>();
  /** Runs, the requests on them, and their items. */
  #runs = 0;
  #running = 0;
  #runningItems = 0;
  #scheduled = false;
  #wake: { at: number; timer: NodeJS.Timeout } | undefined;

  constructor(limits: Limits, now: () => number = () => performance.now()) {
    this.#now = now;
    this.#places = new Places(limits, () => this.#retryAfterSeconds());
  }

  /**
   * Takes a place before any work is done; it is given up when the caller goes.
   * @param bytes of its body, as far as known
   * @throws LeptonError `overloaded`; `deadline_exceeded` when what waits before it surely takes longer than it has
   */
  enter(claim: Claim, bytes = 0): Place {
    if (claim.hasDeadline) {
      const now = this.#now();
      claim.check(now, this.#pace.leastMs(this.#line.ahead(claim.tenant, turnOf(claim, now))));
    }
    const place = this.#places.enter(claim, bytes);
    claim.caller.whenGone(() => this.#abandon(place));
    return place;
  }

  get entered(): number {
    return this.#places.taken;
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Runs when its turn comes, together with those that wait then and fit.
   * @throws CallerGone when its caller goes before its turn; LeptonError `deadline_exceeded` when its time is over before
   * @throws EngineError as the engine does
   */
  run(place: Place, job: Job): Promise<Ran> {
    const { claim } = place;
    const plan = job.batchable?.plan;
    const now = this.#now();
    if (claim.caller.isGone) return Promise.reject(callerGone());
    this.#pace.asked(plan?.maxItems ?? 1);
    return new Promise((resolve, reject) => {
      if (claim.hasDeadline) claim.check(now);
      const ripeAt = now + Math.min(plan?.maxDelayMs ?? 0, (claim.deadlineAt - now) / 2);
      const turn = turnOf(claim, now);
      this.#wait({ ...job, place, tenant: claim.tenant, turn, askedAt: now, ripeAt, resolve, reject });
      this.#schedule();
    });
  }

  #wait(job: Waiting): void {
    this.#line.add(job);
    const { claim } = job.place;
    if (!claim.hasDeadline) return;
    const leftMs = Math.max(0, Math.ceil(claim.deadlineAt - this.#now()));
    this.#deadlines.set(
      job,
      setTimeout(() => this.#drop([job]), leftMs),
    );
  }

  #retryAfterSeconds(): number {
    const seconds = Math.ceil(this.#pace.aboutMs(this.entered) / 1000);
    return Math.min(MAX_RETRY_AFTER_S, Math.max(1, seconds));
  }

  /** After everything that has arrived by now has been read, so that it goes together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#startNext();
    });
  }

  #startNext(): void {
    this.#dropLate();
    for (;;) {
      const group = this.#next();
      if (!group) return;
      this.#line.take(group.jobs);
      for (const job of group.jobs) this.#forgetDeadline(job);
      void this.#execute(group);
    }
  }

  /** Timers come after what else the event loop has to do. */
  #dropLate(): void {
    if (this.#deadlines.size === 0) return;
    const now = this.#now();
    const late = [...this.#deadlines.keys()].filter(({ place }) => place.claim.deadlineAt <= now);
    if (late.length > 0) this.#drop(late);
  }

  /** Those whose time is over while they wait. */
  #drop(jobs: readonly Waiting[]): void {
    this.#line.drop(jobs);
    for (const job of jobs) {
      this.#forgetDeadline(job);
      job.reject(job.place.claim.late());
    }
  }

  /** The caller has gone: nothing of it is begun any more, and unless it runs its place is free. */
  #abandon(place: Place): void {
    const waiting = Array.from(this.#line.inTurn()).filter((job) => job.place === place);
    if (waiting.length > 0) this.#line.drop(waiting);
    for (const job of waiting) {
      this.#forgetDeadline(job);
      job.reject(callerGone());
    }
    if (place.running === 0) place.leave();
  }

  #forgetDeadline(job: Waiting): void {
    if (this.#deadlines.size === 0) return;
    clearTimeout(this.#deadlines.get(job));
    this.#deadlines.delete(job);
  }

  /** What may be started now: the next in turn with all that fit it, or one further back while that is to wait for more. */
  #next(): Group | undefined {
    const passed = new Set<string>();
    for (const job of this.#line.inTurn()) {
      const key = job.batchable?.member.key;
      if (key !== undefined && passed.has(key)) continue;
      if (this.#runs >= job.instance.concurrency) return undefined;
      // A batch at the engine's door cannot grow any more: it goes there when it is as large as what runs.
      const { parallel = 1 } = job.instance;
      const least = this.#runs < parallel ? 0 : this.#runningItems / parallel;
      if (this.#isTooSmall(job, least)) return undefined;
      const group = groupOf(job, this.#line.inTurn());
      if (group.isFull) return group;
      if (group.ripeAt <= this.#now()) return group.items >= least ? group : undefined;
      this.#wakeAt(group.ripeAt);
      if (key !== undefined) passed.add(key);
    }
    return undefined;
  }

  /** Whether all that wait could make no group that may go now: then none has to be put together, at every arrival, to find that out. */
  #isTooSmall({ batchable, ripeAt }: Waiting, least: number): boolean {
    const { items } = this.#line;
    if (!batchable || batchable.plan.withdrawn) return false;
    return items < least && items < batchable.plan.maxItems && ripeAt <= this.#now();
  }

  #wakeAt(at: number): void {
    if (this.#wake && this.#wake.at <= at) return;
    clearTimeout(this.#wake?.timer);
    const timer = setTimeout(
      () => {
        this.#wake = undefined;
        this.#startNext();
      },
      Math.ceil(at - this.#now()),
    );
    this.#wake = { at, timer };
  }

  async #execute({ jobs, batch, items }: Group): Promise<void> {
    const startedAt = this.#now();
    this.#runs++;
    this.#running += jobs.length;
    this.#runningItems += items;
    for (const { place } of jobs) place.running++;
    let deliver: Deliver = () => undefined;
    try {
      deliver = batch
        ? await this.#runTogether(jobs, batch, startedAt)
        : await this.#runAlone(jobs[0] as Waiting, startedAt);
    } finally {
      this.#runs--;
      this.#running -= jobs.length;
      this.#runningItems -= items;
      // The engine first: to answer a batch takes as long as to compute one of a small model.
      this.#startNext();
    }
    await deliver();
    for (const { place } of jobs) place.running--;
  }

  async #runAlone(job: Waiting, startedAt: number): Promise<Deliver> {
    const { instance, inputs, outputs, items, askedAt, resolve, reject } = job;
    try {
      const ran = await instance.run({ inputs, outputs });
      this.#pace.ended(startedAt, this.#now(), true);
      const execution = { items, inputMs: 0, runMs: ran.runMs, outputMs: 0 };
      return () => resolve({ outputs: ran.outputs, queuedMs: startedAt - askedAt, execution, first: true });
    } catch (error) {
      this.#pace.ended(startedAt, this.#now(), false);
      return () => reject(error);
    }
  }

  /** Where the model refuses a batch, each of its members is run once more, alone: at most one of them may be at fault. */
  async #runTogether(jobs: readonly Waiting[], batch: Batch, startedAt: number): Promise<Deliver> {
    try {
      const { instance } = jobs[0] as Waiting;
      const inputs = batch.inputs();
      const inputMs = this.#now() - startedAt;
      const { outputs, runMs } = await instance.run({ inputs, outputs: batch.outputs() });
      const ranAt = this.#now();
      this.#pace.ended(startedAt, ranAt, true);
      const parts = batch.split(outputs);
      if (!parts) {
        batch.plan.withdrawn = true;
        return () => this.#again(jobs);
      }
      const execution = { items: batch.items, inputMs, runMs, outputMs: this.#now() - ranAt };
      return () => this.#deliver(jobs, parts, { startedAt, execution });
    } catch (error) {
      this.#pace.ended(startedAt, this.#now(), false);
      if (error instanceof EngineError && error.failure === 'refused') return () => this.#again(jobs);
      return () => {
        for (const { reject } of jobs) reject(error);
      };
    }
  }

  /**
   * While nothing runs, what has arrived is looked at between some answers and the next ones: callers who wait for an answer before
   * they ask again would otherwise all be in one batch, and the engine would do nothing while that is answered.
   */
  async #deliver(
    jobs: readonly Waiting[],
    parts: readonly (readonly Tensor[])[],
    { startedAt, execution }: { startedAt: number; execution: Execution },
  ): Promise<void> {
    for (const [i, { askedAt, resolve }] of jobs.entries()) {
      if (i > 0 && i % DELIVERED_AT_ONCE === 0 && this.#runs === 0) await arrivals();
      resolve({ outputs: parts[i] as Tensor[], queuedMs: startedAt - askedAt, execution, first: i === 0 });
    }
  }

  /** In their old turns. */
  #again(jobs: readonly Waiting[]): void {
    for (const job of jobs) {
      if (job.place.claim.caller.isGone) job.reject(callerGone());
      else this.#wait({ ...job, batchable: undefined });
    }
    this.#schedule();
  }
}

function turnOf({ priority }: Claim, askedAt: number): number {
  return askedAt + priority * HEAD_START_MS;
}

function callerGone(): CallerGone {
  return new CallerGone('the caller left before its turn');
}
