/** Callers at work: each repeats calls whose answers are known, one after the other, and everything they saw is counted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, type InferResult } from '@lepton-edge/client';
import type { Tensor } from '@lepton-edge/protocol';

/** Of the largest value; nodes, the edge and batches may add numbers up in another order. */
const TOLERANCE = 1e-3;
const POLL_MS = 50;

/** One call of a model, and what it must answer. */
export interface KnownCall {
  model: string;
  call(signal?: AbortSignal): Promise<InferResult>;
  expected: readonly Tensor[];
  /** What is right as well. */
  orElse?: readonly Tensor[];
}

export class Tally {
  answered = 0;
  wrong = 0;
  /** By status and code. */
  readonly failed = new Map<string, number>();
  slowestMs = 0;
  /** Of the latest answer of a node: `node:<id>`. */
  placement = '';
  /** Sentences of failures, each once, a few. */
  readonly sentences = new Set<string>();

  /** Calls that were answered, rightly or not, or failed. */
  get ended(): number {
    return [...this.failed.values()].reduce((sum, count) => sum + count, this.answered + this.wrong);
  }

  fail(error: unknown): void {
    const name = error instanceof GatewayError ? `${error.status} ${error.code ?? ''}`.trim() : String(error);
    this.failed.set(name, (this.failed.get(name) ?? 0) + 1);
    if (error instanceof Error && this.sentences.size < 5) this.sentences.add(`${name}: ${error.message}`);
  }

  add(other: Tally): void {
    this.answered += other.answered;
    this.wrong += other.wrong;
    this.slowestMs = Math.max(this.slowestMs, other.slowestMs);
    for (const [name, count] of other.failed) this.failed.set(name, (this.failed.get(name) ?? 0) + count);
    for (const sentence of other.sentences) if (this.sentences.size < 5) this.sentences.add(sentence);
  }
}

export class Callers {
  readonly tally = new Tally();
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[];

  /** Begins at once. @param calls taken in turns */
  constructor(calls: readonly KnownCall[], count: number, pauseMs: number) {
    this.#loops = Array.from({ length: count }, (_, i) => this.#loop(calls, i, pauseMs));
  }

  /** Resolves when so many of their calls have ended. */
  async untilEnded(count: number): Promise<void> {
    while (this.tally.ended < count) await sleep(POLL_MS);
  }

  /** Resolves when every call under way has been answered. */
  async stop(): Promise<Tally> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    return this.tally;
  }

  async #loop(calls: readonly KnownCall[], first: number, pauseMs: number): Promise<void> {
    for (let i = first; !this.#stop.signal.aborted; i++) {
      const known = calls[i % calls.length];
      if (known) await callOnce(known, this.tally);
      await sleep(pauseMs);
    }
  }
}

export async function callOnce(known: KnownCall, tally: Tally): Promise<void> {
  const began = performance.now();
  try {
    const { outputs, placement } = await known.call();
    const isRight = [known.expected, known.orElse].some((expected) => expected && isAsExpected(outputs, expected));
    if (isRight) tally.answered++;
    else tally.wrong++;
    if (placement.startsWith('node:')) tally.placement = placement;
  } catch (error) {
    tally.fail(error);
  }
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - began);
}

/** A call whose answer of now is taken for right. */
export async function learn(model: string, call: KnownCall['call']): Promise<KnownCall> {
  const { outputs } = await call();
  return { model, call, expected: outputs };
}

function isAsExpected(actual: readonly Tensor[], expected: readonly Tensor[]): boolean {
  return (
    actual.length === expected.length &&
    expected.every(({ name, shape, data }, i) => {
      const other = actual[i];
      return other?.name === name && `${other.shape}` === `${shape}` && isClose(other.data, data);
    })
  );
}

function isClose(actual: Tensor['data'], expected: Tensor['data']): boolean {
  if (actual.length !== expected.length) return false;
  if (!(actual instanceof Float32Array) || !(expected instanceof Float32Array)) {
    return Array.from(actual, String).join() === Array.from(expected, String).join();
  }
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return expected.every((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)) <= TOLERANCE * largest);
}
