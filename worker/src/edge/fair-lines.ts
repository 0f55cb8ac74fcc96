/**
 * Who waits for a run at the edge: a line for each version, which take turns by what their runs cost. Pure.
 *
 * Start-time fair queuing (Goyal, Vin, Cheng, 1996): a line's next run starts, in the time of what was computed, where its
 * last one ended, or where those that run now are if it had none waiting; the one that starts first is next. Costs are what
 * admission measured: on Cloudflare no clock advances during computation.
 */
import { LeptonError } from '@lepton-edge/protocol';

export interface InLine {
  /** Names the line: one version of one model. */
  readonly line: string;
  /** What it adds to the work that waits, in ms. */
  readonly costMs: number;
  /** Of its inputs, which are held while it waits. */
  readonly bytes: number;
}

interface Line<T> {
  waiting: T[];
  startsAtMs: number;
}

export interface LineLimits {
  count: number;
  bytes: number;
  costMs: number;
}

const LINE_LIMITS: LineLimits = { count: 256, bytes: 8 * 1024 * 1024, costMs: 10_000 };
/** So much of all places one line may have: the rest is kept for others. */
const MAX_SHARE = 0.75;
const MAX_RETRY_AFTER_S = 30;

export class FairLines<T extends InLine> {
  readonly #limits: LineLimits;
  readonly #lines = new Map<string, Line<T>>();
  #count = 0;
  #bytes = 0;
  #costMs = 0;
  /** Where the run that was begun last started. */
  #nowMs = 0;

  constructor(limits = LINE_LIMITS) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** What all that wait cost together. */
  get costMs(): number {
    return this.#costMs;
  }

  /** @throws LeptonError `overloaded` */
  add(job: T): void {
    const known = this.#lines.get(job.line);
    this.#checkRoom(job, known?.waiting.length ?? 0);
    const line = known ?? { waiting: [], startsAtMs: this.#nowMs };
    if (line.waiting.length === 0) line.startsAtMs = Math.max(line.startsAtMs, this.#nowMs);
    line.waiting.push(job);
    this.#lines.set(job.line, line);
    this.#counted(job, 1);
  }

  #checkRoom(job: T, inLine: number): void {
    const { count, bytes, costMs } = this.#limits;
    const hasPlace = this.#count < count && inLine < count * MAX_SHARE;
    // One that is alone may be as large as any request.
    const hasRoom = this.#count === 0 || (this.#bytes + job.bytes <= bytes && this.#costMs + job.costMs <= costMs);
    if (hasPlace && hasRoom) return;
    const retryAfterSeconds = Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(this.#costMs / 1000)));
    const sentence = `the edge has ${this.#count} runs waiting here, which is as much as it takes on: try again`;
    throw new LeptonError('overloaded', sentence, { retryAfterSeconds });
  }

  /** Whose turn it is; of lines that start together the one with the cheaper run. */
  next(): T | undefined {
    let first: { startsAtMs: number; job: T } | undefined;
    for (const [name, { waiting, startsAtMs }] of this.#lines) {
      const [job] = waiting;
      // One that is not ahead of others is as good as new.
      if (!job && startsAtMs <= this.#nowMs) this.#lines.delete(name);
      if (!job) continue;
      const isSooner =
        !first || startsAtMs < first.startsAtMs || (startsAtMs === first.startsAtMs && job.costMs < first.job.costMs);
      if (isSooner) first = { startsAtMs, job };
    }
    return first?.job;
  }

  /** Those in a line, oldest first. Must not be read on after a change. */
  inLine(name: string): readonly T[] {
    return this.#lines.get(name)?.waiting ?? [];
  }

  /** Takes out some of one line, which are run now. */
  take(jobs: readonly [T, ...T[]], costMs: number): void {
    for (const job of jobs) this.drop(job);
    const line = this.#lines.get(jobs[0].line);
    if (!line) return;
    this.#nowMs = Math.max(this.#nowMs, line.startsAtMs);
    line.startsAtMs = this.#nowMs + costMs;
  }

  /** Takes one out that waits for nothing any more. @returns false where it did not wait */
  drop(job: T): boolean {
    const waiting = this.#lines.get(job.line)?.waiting ?? [];
    const at = waiting.indexOf(job);
    if (at < 0) return false;
    waiting.splice(at, 1);
    this.#counted(job, -1);
    return true;
  }

  /** Nobody waits and nothing runs: nobody was kept from anything, and what each was given is forgotten. */
  settle(): void {
    if (this.#count > 0) return;
    this.#lines.clear();
    this.#nowMs = 0;
    this.#costMs = 0;
  }

  /** Takes everybody out. */
  clear(): T[] {
    const all = Array.from(this.#lines.values()).flatMap(({ waiting }) => waiting);
    for (const job of all) this.drop(job);
    return all;
  }

  #counted({ bytes, costMs }: T, by: 1 | -1): void {
    this.#count += by;
    this.#bytes += by * bytes;
    this.#costMs += by * costMs;
  }
}
