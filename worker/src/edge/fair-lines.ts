/**
 * Who waits for a run at the edge: a line for each team and version, which take turns by what their runs cost. Pure.
 *
 * Start-time fair queuing (Goyal, Vin, Cheng, 1996): a line's next run starts, in the time of what was computed, where its
 * last one ended, or where those that run now are if it had none waiting; the one that starts first is next. A run that lines
 * share is charged to each by its part, and as often as its team has lines that wait: teams have equal shares, whatever they call.
 * Costs are what admission measured: on Cloudflare no clock advances during computation.
 */
import { LeptonError } from '@lepton-edge/protocol';

export interface InLine {
  /** Names the line: one team's requests for one version of one model. */
  readonly line: string;
  readonly team: string;
  /** What it adds to the work that waits, in ms. */
  readonly costMs: number;
  /** Of its inputs, which are held while it waits. */
  readonly bytes: number;
}

interface Amount {
  count: number;
  bytes: number;
  costMs: number;
}

const NOTHING: Amount = { count: 0, bytes: 0, costMs: 0 };

interface Line<T> extends Amount {
  team: string;
  /** What waits, oldest first. */
  jobs: T[];
  startsAtMs: number;
}

/** Who comes then had better go elsewhere, or come back. */
const LIMITS: Amount = { count: 256, bytes: 8 * 1024 * 1024, costMs: 2_000 };
/** So much of each one team may have: the rest is kept for others. */
const MAX_SHARE = 0.75;
const MAX_RETRY_AFTER_S = 30;

export class FairLines<T extends InLine> {
  readonly #limits: Amount;
  readonly #lines = new Map<string, Line<T>>();
  readonly #teams = new Map<string, Amount>();
  readonly #all: Amount = { ...NOTHING };
  /** Where the run that was begun last started. */
  #nowMs = 0;

  constructor(limits = LIMITS) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#all.count;
  }

  /** What all that wait cost together. */
  get costMs(): number {
    return this.#all.costMs;
  }

  /** Whether more than half of what may wait does. */
  get isCrowded(): boolean {
    const { count, bytes, costMs } = this.#limits;
    return 2 * this.#all.count > count || 2 * this.#all.bytes > bytes || 2 * this.#all.costMs > costMs;
  }

  /** At least so long one more in a line would wait, beside what runs: for those before it, and others' in turn with them. */
  waitMs(name: string): number {
    if (this.#all.count === 0) return 0;
    const ownMs = this.#lines.get(name)?.costMs ?? 0;
    let ms = ownMs;
    for (const [other, { costMs }] of this.#lines) if (other !== name) ms += Math.min(costMs, ownMs);
    return ms;
  }

  /** @throws LeptonError `overloaded` where there is no room for such a job */
  check(job: Pick<InLine, 'team' | 'bytes' | 'costMs'>): void {
    const team = this.#teams.get(job.team) ?? NOTHING;
    if (!this.#hasRoom(team, job)) throw this.#refusal(team);
  }

  /** @throws LeptonError `overloaded` */
  add(job: T): void {
    this.check(job);
    const team = this.#teams.get(job.team) ?? { ...NOTHING };
    const known = this.#lines.get(job.line);
    const line = known ?? { ...NOTHING, team: job.team, jobs: [], startsAtMs: this.#nowMs };
    if (line.count === 0) line.startsAtMs = Math.max(line.startsAtMs, this.#nowMs);
    line.jobs.push(job);
    this.#lines.set(job.line, line);
    this.#teams.set(job.team, team);
    this.#counted(line, team, job, 1);
  }

  #hasRoom(team: Amount, { bytes, costMs }: Pick<InLine, 'bytes' | 'costMs'>): boolean {
    // One that is alone may be as large as any request, and a team that has nothing waiting may have one run, however long.
    if (this.#all.count === 0) return true;
    const isIn = (amount: Amount, share: number) =>
      amount.count < this.#limits.count * share &&
      amount.bytes + bytes <= this.#limits.bytes * share &&
      (team.count === 0 || amount.costMs + costMs <= this.#limits.costMs * share);
    return isIn(this.#all, 1) && (team.count === 0 || isIn(team, MAX_SHARE));
  }

  #refusal({ count }: Amount): LeptonError {
    const { count: all, costMs } = this.#all;
    const retryAfterSeconds = Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(costMs / 1000)));
    const sentence = `the edge has ${all} runs waiting here, ${count} of them your team's, which is as much as it takes on: try again`;
    return new LeptonError('overloaded', sentence, { retryAfterSeconds });
  }

  /** Whose turn it is; of lines that start together the one with the cheaper run. */
  next(): T | undefined {
    let first: { startsAtMs: number; job: T } | undefined;
    for (const [name, { jobs, startsAtMs }] of this.#lines) {
      const [job] = jobs;
      // One that is not ahead of others is as good as new.
      if (!job && startsAtMs <= this.#nowMs) this.#lines.delete(name);
      if (!job) continue;
      const isSooner =
        !first || startsAtMs < first.startsAtMs || (startsAtMs === first.startsAtMs && job.costMs < first.job.costMs);
      if (isSooner) first = { startsAtMs, job };
    }
    return first?.job;
  }

  /** All that wait: those in one line first, then whose turn is next; oldest first within each. */
  *from(name: string): Generator<T> {
    yield* [...(this.#lines.get(name)?.jobs ?? [])];
    const others = Array.from(this.#lines).filter(([other, { count }]) => other !== name && count > 0);
    for (const [, { jobs }] of others.sort(([, a], [, b]) => a.startsAtMs - b.startsAtMs)) yield* [...jobs];
  }

  /** Takes out some, which are run now; it was the first one's turn. @param costMs of the run */
  take(jobs: readonly [T, ...T[]], costMs: number): void {
    const first = this.#lines.get(jobs[0].line);
    if (first) this.#nowMs = Math.max(this.#nowMs, first.startsAtMs);
    const sumMs = jobs.reduce((sum, job) => sum + job.costMs, 0);
    for (const job of jobs) this.charge(job, sumMs > 0 ? (costMs * job.costMs) / sumMs : costMs / jobs.length);
    for (const job of jobs) this.drop(job);
  }

  /** Counts what a job has taken against its line. */
  charge({ line: name, team }: InLine, costMs: number): void {
    const line = this.#lines.get(name);
    if (!line) return;
    let lines = 0;
    for (const other of this.#lines.values()) if (other.team === team && other.count > 0) lines++;
    line.startsAtMs = Math.max(this.#nowMs, line.startsAtMs) + costMs * Math.max(1, lines);
  }

  /** Takes one out that waits for nothing any more. @returns false where it did not wait */
  drop(job: T): boolean {
    const line = this.#lines.get(job.line);
    const team = this.#teams.get(job.team);
    const at = line?.jobs.indexOf(job) ?? -1;
    if (!line || !team || at < 0) return false;
    line.jobs.splice(at, 1);
    this.#counted(line, team, job, -1);
    if (team.count === 0) this.#teams.delete(job.team);
    return true;
  }

  /** Nobody waits and nothing runs: nobody was kept from anything, and what each was given is forgotten. */
  settle(): void {
    if (this.#all.count > 0) return;
    this.#lines.clear();
    this.#nowMs = 0;
  }

  /** Takes everybody out. */
  clear(): T[] {
    const all = Array.from(this.#lines.values()).flatMap(({ jobs }) => jobs);
    for (const job of all) this.drop(job);
    return all;
  }

  #counted(line: Line<T>, team: Amount, { bytes, costMs }: T, by: 1 | -1): void {
    for (const amount of [line, team, this.#all]) {
      amount.count += by;
      amount.bytes += by * bytes;
      amount.costMs += by * costMs;
      // Of fractions something may be left.
      if (amount.count === 0) amount.costMs = 0;
    }
  }
}
