/**
 * Asks nodes until one has answered: goes elsewhere when one fails or falls silent, asks a second one when the first takes longer than
 * usual, and waits for one that may come back.
 */
import type { LeptonError, Placement } from '@lepton-edge/protocol';
import type { Gateway } from '../context.ts';
import { Attempts } from '../dispatch/attempts.ts';
import type { NodeCall } from '../dispatch/node-process.ts';
import type { Asker } from '../dispatch/version-work.ts';
import type { FleetCandidate, HeardNode } from '../hubs/fleet.ts';
import type { KnownVersion } from '../services/directory.ts';
import { CallTimeout, type NodeAnswer, type Patience } from './call-node.ts';
import type { Deadline } from './deadline.ts';
import { type Decision, refusalOf } from './decide.ts';
import type { Timings } from './timings.ts';

/** Long enough for a node to fetch and load a model first. */
const NODE_TIMEOUT_MS = 60_000;
/** In less than that no further node would answer. */
const MIN_TRY_MS = 10;
/** How often a call that has no answer yet looks whether its node is still heard. */
const WATCH_MS = 1_000;
/** How often a call without a node looks whether one has come back. */
const WAIT_MS = 250;

export interface NodesCall<T> {
  version: Pick<KnownVersion, 'digest' | 'nodeRunMs' | 'manifest'>;
  asker: Asker;
  /** Where to run, as it was decided. */
  decided: Decision;
  /** @param mayTry the processes it may be sent to */
  decideAgain(mayTry: (process: string) => boolean): Promise<Decision>;
  deadline: Deadline | undefined;
  ask(node: HeardNode, patience: Patience): Promise<NodeAnswer<T>>;
}

interface UnderWay<T> {
  candidate: FleetCandidate;
  answer: Promise<{ call: UnderWay<T>; answer: NodeAnswer<T> }>;
  giveUp(): void;
}

/**
 * @returns undefined where the edge is the place to run after all
 * @throws LeptonError of placement, or of a node: where some were busy, of the one that has room soonest
 */
export async function askNodes<T>(
  gateway: Gateway,
  call: NodesCall<T>,
  timings: Timings,
): Promise<{ value: T; placement: Placement } | undefined> {
  return await timings.measure('node', () => new Asking(gateway, call).run());
}

class Asking<T> {
  readonly #gateway: Gateway;
  readonly #call: NodesCall<T>;
  readonly #attempts = new Attempts();
  #underWay: UnderWay<T>[] = [];
  #seen: Decision;
  #busy: LeptonError | undefined;
  #last: LeptonError | undefined;
  #looked: Promise<undefined> | undefined;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #hedged: Promise<undefined> | undefined;
  #hedgeTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(gateway: Gateway, call: NodesCall<T>) {
    this.#gateway = gateway;
    this.#call = call;
    this.#seen = call.decided;
  }

  async run(): Promise<{ value: T; placement: Placement } | undefined> {
    const hedgeAfterMs = this.#mayHedge ? this.#gateway.fleet.hedgeDelays.of(this.#call.version.digest) : undefined;
    if (hedgeAfterMs !== undefined) this.#hedgeAfter(hedgeAfterMs);
    try {
      for (;;) {
        this.#beginWhereWanted();
        if (this.#isForEdge()) return undefined;
        if (this.#underWay.length === 0 && this.#isOutdated() && (await this.#decideAgain())) continue;
        if (this.#underWay.length === 0 && !this.#mayWait()) {
          throw this.#busy ?? this.#last ?? refusalOf(this.#seen.decision);
        }
        this.#looked ??= this.#look(this.#underWay.length > 0 ? WATCH_MS : WAIT_MS);
        const answers = this.#underWay.map(({ answer }) => answer);
        const answered = await Promise.race([...answers, this.#looked, ...(this.#hedged ? [this.#hedged] : [])]);
        if (!answered) continue;
        const { call, answer } = answered;
        this.#underWay = this.#underWay.filter((other) => other !== call);
        if (answer.ok) return { value: answer.value, placement: `node:${call.candidate.node.id}` };
        this.#failed(call.candidate, answer);
        if (this.#underWay.length > 0) continue;
        this.#lookAnew();
        await this.#decideAgain();
      }
    } finally {
      clearTimeout(this.#timer);
      clearTimeout(this.#hedgeTimer);
      for (const { giveUp } of this.#underWay) giveUp();
      // A hedge that is being decided is to see it.
      this.#underWay = [];
    }
  }

  /** One more, unless one is under way on a node that is still heard. */
  #beginWhereWanted(): void {
    if (this.#isHeard()) return;
    const { decision } = this.#seen;
    if (decision.kind !== 'node') return;
    // What may have been done already is not to be done twice.
    if (this.#underWay.length > 0 && !this.#mayRepeat) return;
    const { candidate } = decision.choice;
    if (!this.#isChoice(candidate)) return;
    const refusal = candidate.refusal(this.#call.asker, this.#gateway.now());
    if (!refusal) {
      if (this.#mayBegin(candidate)) this.#begin(candidate);
      return;
    }
    // What it would say is known: as good as asked.
    this.#isBusy(refusal);
    this.#attempts.tried(candidate.process);
  }

  #isHeard(): boolean {
    return this.#underWay.some(({ candidate }) => this.#seen.hears(candidate.node.id));
  }

  #isForEdge(): boolean {
    return this.#seen.decision.kind === 'edge' && !this.#isHeard() && (this.#underWay.length === 0 || this.#mayRepeat);
  }

  /** Whether the node chosen is no choice any more: since it was decided another request may have begun to try it. */
  #isOutdated(): boolean {
    const { decision } = this.#seen;
    return decision.kind === 'node' && !this.#isChoice(decision.choice.candidate);
  }

  #isChoice(candidate: FleetCandidate): boolean {
    return candidate.isHealthy(this.#gateway.now()) && this.#attempts.mayTry(candidate.process);
  }

  get #mayRepeat(): boolean {
    return !this.#call.version.manifest.stateful;
  }

  /** All but a request's first call are counted, so that an outage is not made worse by them. */
  #mayBegin(candidate: FleetCandidate): boolean {
    const { budget } = this.#gateway.fleet;
    if (!this.#isChoice(candidate)) return false;
    if (this.#attempts.any) return budget.withdraw();
    budget.deposit();
    return true;
  }

  #begin(candidate: FleetCandidate): void {
    const { version, asker, deadline, ask } = this.#call;
    const abandon = new AbortController();
    this.#attempts.tried(candidate.process);
    const begun = candidate.begin(asker, this.#gateway.now(), version.nodeRunMs);
    const timeoutMs = Math.min(NODE_TIMEOUT_MS, deadline?.leftMs() ?? NODE_TIMEOUT_MS);
    const timer = setTimeout(() => abandon.abort(new CallTimeout(timeoutMs)), Math.ceil(timeoutMs));
    let isGivenUp = false;
    const call: UnderWay<T> = {
      candidate,
      giveUp: () => {
        isGivenUp = true;
        clearTimeout(timer);
        begun.abandoned();
        abandon.abort();
      },
      answer: ask(candidate.node, { signal: abandon.signal, timeoutMs }).then(
        (answer) => {
          clearTimeout(timer);
          // What becomes of a call that was given up says nothing.
          if (!isGivenUp) this.#note(begun, answer);
          return { call, answer };
        },
        (error) => {
          clearTimeout(timer);
          begun.abandoned();
          throw error;
        },
      ),
    };
    // One that is given up has nobody waiting for it.
    call.answer.catch(() => undefined);
    this.#underWay.push(call);
  }

  #note(begun: NodeCall, answer: NodeAnswer<T>): void {
    if (answer.ok) {
      const tookMs = begun.answered();
      if (this.#mayHedge) this.#gateway.fleet.hedgeDelays.observe(this.#call.version.digest, tookMs);
    } else if (answer.error.code === 'deadline_exceeded' && answer.kind !== 'silent') {
      // How little time a request has says nothing of the node's room for others.
      if (answer.kind === 'refused') begun.abandoned();
      else begun.refused();
    } else if (answer.kind === 'refused') begun.refused();
    else if (answer.kind !== 'busy') begun.failed(answer.kind);
    else if (answer.error.code === 'overloaded') begun.full(answer.error);
    else begun.failed('away');
  }

  #failed({ process }: FleetCandidate, answer: NodeAnswer<T> & { ok: false }): void {
    const { kind, error } = answer;
    // A node that says so has too much to do; one that did not answer has taken the time.
    const isLate = kind === 'silent' && error.code === 'deadline_exceeded' && this.#underWay.length === 0;
    const isFinal = kind === 'refused' || isLate || !this.#hasTime() || (kind !== 'busy' && !this.#mayRepeat);
    if (isFinal) throw error;
    if (kind === 'silent') this.#attempts.silent(process);
    this.#last = error;
    if (kind === 'busy') this.#isBusy(error);
  }

  #isBusy(error: LeptonError): void {
    if (retryAfter(error) < retryAfter(this.#busy)) this.#busy = error;
  }

  /** A node that has answered has nothing to wait for, and one whose failures are no silence would only repeat them. */
  #mayWait(): boolean {
    return this.#hasTime() && this.#seen.awaited && this.#busy === undefined && this.#attempts.mayGoFurther;
  }

  #hasTime(): boolean {
    return (this.#call.deadline?.leftMs() ?? MIN_TRY_MS) >= MIN_TRY_MS;
  }

  get #mayHedge(): boolean {
    return this.#mayRepeat && this.#call.version.manifest.retry?.hedge === true;
  }

  #hedgeAfter(ms: number): void {
    this.#hedged = new Promise<void>((resolve) => {
      this.#hedgeTimer = setTimeout(resolve, ms);
    }).then(() => this.#hedge(ms));
  }

  /** One more call where the version is, beside those that get no answer; the next one after twice the time. */
  async #hedge(afterMs: number): Promise<undefined> {
    this.#hedged = undefined;
    const decided = await this.#call.decideAgain(this.#attempts.mayTry).catch(() => undefined);
    if (decided?.decision.kind !== 'node' || this.#underWay.length === 0) return;
    const { candidate, isFull } = decided.decision.choice;
    if (isFull || !candidate.has() || !this.#mayBegin(candidate)) return;
    this.#begin(candidate);
    this.#hedgeAfter(2 * afterMs);
  }

  #look(afterMs: number): Promise<undefined> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#timer = setTimeout(resolve, afterMs);
    const looked = promise.then(async () => {
      await this.#decideAgain();
      if (this.#looked === looked) this.#looked = undefined;
      return undefined;
    });
    return looked;
  }

  /** Without a call under way it is looked sooner. */
  #lookAnew(): void {
    clearTimeout(this.#timer);
    this.#looked = undefined;
  }

  /** @returns false where the hub cannot be asked: what was known counts on */
  async #decideAgain(): Promise<boolean> {
    this.#attempts.later();
    try {
      const again = await this.#call.decideAgain(this.#attempts.mayTry);
      if (!again.isHubAway) this.#seen = again;
      return !again.isHubAway;
    } catch {
      return false;
    }
  }
}

function retryAfter(error: LeptonError | undefined): number {
  return error ? (error.retryAfterSeconds ?? 0) : Number.POSITIVE_INFINITY;
}
