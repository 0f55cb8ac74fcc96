/**
 * Asks nodes until one has answered: goes elsewhere when one fails or falls silent, and waits for one that may come back.
 *
 * The edge is no way out: where it can run a version it comes first, and what spoke against it does so still.
 */
import type { LeptonError, Placement } from '@lepton-edge/protocol';
import type { Gateway } from '../context.ts';
import type { HeardNode } from '../hubs/fleet.ts';
import { processOf } from '../hubs/fleet.ts';
import type { NodeAnswer } from './call-node.ts';
import type { Deadline } from './deadline.ts';
import { type Decision, refusalOf } from './decide.ts';
import type { Timings } from './timings.ts';

/** How many processes a request may be sent to: with more, one that harms nodes would harm many. */
const MAX_PROCESSES = 3;
/** How often it may be sent to one of them: while that answers others, silence is of this request. */
const MAX_TRIES = 3;
/** In less than that no further node would answer. */
const MIN_TRY_MS = 10;
/** How often a call that has no answer yet looks whether its node is still heard. */
const WATCH_MS = 1_000;
/** How often a call without a node looks whether one has come back. */
const WAIT_MS = 250;

export interface NodesCall<T> {
  digest: string;
  /** Where to run, as it was decided. */
  decided: Decision;
  decideAgain(): Promise<Decision>;
  deadline: Deadline | undefined;
  ask(node: HeardNode, signal: AbortSignal): Promise<NodeAnswer<T>>;
}

interface UnderWay<T> {
  node: HeardNode;
  answer: Promise<{ call: UnderWay<T>; answer: NodeAnswer<T> }>;
  giveUp(): void;
}

/** @throws LeptonError of placement, or of a node: where some were busy, of the one that has room soonest */
export async function askNodes<T>(
  gateway: Gateway,
  call: NodesCall<T>,
  timings: Timings,
): Promise<{ value: T; placement: Placement }> {
  return await timings.measure('node', () => new Asking(gateway, call).run());
}

class Asking<T> {
  readonly #gateway: Gateway;
  readonly #call: NodesCall<T>;
  /** By process, how often it was tried. */
  readonly #tries = new Map<string, number>();
  /** The processes not to be tried again. */
  readonly #tried = new Set<string>();
  /** Of those tried, the ones to try again once they are back. */
  readonly #silent = new Set<string>();
  #underWay: UnderWay<T>[] = [];
  #seen: Decision;
  #busy: LeptonError | undefined;
  #last: LeptonError | undefined;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(gateway: Gateway, call: NodesCall<T>) {
    this.#gateway = gateway;
    this.#call = call;
    this.#seen = call.decided;
  }

  async run(): Promise<{ value: T; placement: Placement }> {
    let looked: Promise<undefined> | undefined;
    try {
      for (;;) {
        this.#beginWhereWanted();
        if (this.#underWay.length === 0 && !this.#mayWait()) {
          throw this.#busy ?? this.#last ?? refusalOf(this.#seen.decision);
        }
        looked ??= this.#look(this.#underWay.length > 0 ? WATCH_MS : WAIT_MS).finally(() => {
          looked = undefined;
        });
        const answered = await Promise.race([...this.#underWay.map(({ answer }) => answer), looked]);
        if (!answered) continue;
        const { call, answer } = answered;
        this.#underWay = this.#underWay.filter((other) => other !== call);
        if (answer.ok) return { value: answer.value, placement: `node:${call.node.id}` };
        this.#failed(call.node, answer);
        if (this.#underWay.length === 0) await this.#decideAgain();
      }
    } finally {
      clearTimeout(this.#timer);
      for (const { giveUp } of this.#underWay) giveUp();
    }
  }

  /** One more, unless one is under way on a node that is still heard. */
  #beginWhereWanted(): void {
    if (this.#underWay.some(({ node }) => this.#seen.hears(node.id))) return;
    const node = this.#seen.order.find((candidate) => this.#mayTry(processOf(candidate)));
    if (!node) return;
    const process = processOf(node);
    this.#tries.set(process, (this.#tries.get(process) ?? 0) + 1);
    this.#tried.add(process);
    this.#underWay.push(this.#begin(node));
  }

  #mayTry(process: string): boolean {
    if (this.#tried.has(process)) return false;
    const tries = this.#tries.get(process) ?? 0;
    return tries > 0 ? tries < MAX_TRIES : this.#tries.size < MAX_PROCESSES;
  }

  #begin(node: HeardNode): UnderWay<T> {
    const { fleet } = this.#gateway;
    const { ask, digest } = this.#call;
    const abandon = new AbortController();
    const end = fleet.begin(node.id, digest);
    const call: UnderWay<T> = {
      node,
      giveUp: () => abandon.abort(),
      answer: ask(node, abandon.signal)
        .finally(end)
        .then((answer) => {
          if (answer.ok) fleet.answered(node);
          return { call, answer };
        }),
    };
    // One that is given up has nobody waiting for it.
    call.answer.catch(() => undefined);
    return call;
  }

  #failed(node: HeardNode, answer: NodeAnswer<T> & { ok: false }): void {
    const { kind, error } = answer;
    // A node that says so has too much to do; one that did not answer has taken the time.
    const isLate = kind === 'silent' && error.code === 'deadline_exceeded' && this.#underWay.length === 0;
    if (kind === 'refused' || isLate || !this.#hasTime()) throw error;
    if (kind === 'silent' || kind === 'sick') this.#gateway.fleet.failed(node, kind);
    if (kind === 'silent') this.#silent.add(processOf(node));
    this.#last = error;
    if (kind === 'busy' && retryAfter(error) < retryAfter(this.#busy)) this.#busy = error;
  }

  /** A node that has answered has nothing to wait for, and one whose failures are no silence would only repeat them. */
  #mayWait(): boolean {
    return this.#hasTime() && this.#seen.awaited && this.#busy === undefined && this.#tries.size < MAX_PROCESSES;
  }

  #hasTime(): boolean {
    return (this.#call.deadline?.leftMs() ?? MIN_TRY_MS) >= MIN_TRY_MS;
  }

  async #look(afterMs: number): Promise<undefined> {
    await new Promise<void>((resolve) => {
      this.#timer = setTimeout(resolve, afterMs);
    });
    await this.#decideAgain();
  }

  /** Where the hub cannot be asked, what was known counts on. */
  async #decideAgain(): Promise<undefined> {
    try {
      const again = await this.#call.decideAgain();
      if (!again.isKnown) return;
      this.#seen = again;
    } catch {
      return;
    }
    for (const process of this.#silent) this.#tried.delete(process);
    this.#silent.clear();
  }
}

function retryAfter(error: LeptonError | undefined): number {
  return error ? (error.retryAfterSeconds ?? 0) : Number.POSITIVE_INFINITY;
}
