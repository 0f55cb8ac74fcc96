/** The node's life in a fleet: it joins, reports, joins again when it was forgotten, and says when it leaves. */
import { HEARTBEAT_INTERVAL_MS, type Heartbeat, type HeartbeatAnswer, type JoinInput } from '@lepton-edge/protocol';
import { Backoff } from './backoff.ts';
import type { Credential, CredentialStore } from './credential.ts';
import { type GatewayClient, GatewayRefusal, GatewayUnreachable } from './gateway-client.ts';
import type { GatewayClock } from './gateway-clock.ts';

const TOLD_MS = 1_000;
/** Until a credential that could not be replaced is replaced: the gateway keeps account of each that it gives. */
const ROTATION_PAUSE_MS = 5 * 60_000;

export interface MembershipOptions {
  gateway: GatewayClient;
  store: CredentialStore;
  /** All of a join but its token. */
  self: Omit<JoinInput, 'token'>;
  /** Asked at each join: undefined where there is none. @throws MembershipError where it cannot be read */
  token(): Promise<string | undefined>;
  /** What a heartbeat says, but for the state. */
  report(): Promise<Omit<Heartbeat, 'state'>>;
  /** Told of what the gateway answered to a heartbeat. */
  onAnswer?(answer: HeartbeatAnswer): void;
  /** Called when the state changes, not at every attempt. */
  onChange(change: MembershipChange): void;
  clock: GatewayClock;
  random?: () => number;
}

/** Two processes have this node's identity: what the gateway said of the other, and whether this is the newer. */
type Duplicate = NonNullable<HeartbeatAnswer['duplicate']>;

export type MembershipChange =
  | { state: 'joined'; id: string; drained: boolean; duplicate?: Duplicate | undefined; clock?: string | undefined }
  /** Cut off from the gateway, for now. */
  | { state: 'waiting'; reason: string }
  | { state: 'rotated' }
  /** The credential could not be replaced; it is tried again. */
  | { state: 'rotation failed'; reason: string };

/** The node cannot be a member, and trying again would not help; the message says what would. */
export class MembershipError extends Error {
  override readonly name = 'MembershipError';
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  #credential: Credential | undefined;
  #joined = false;
  #state: string | undefined;
  #poked = false;
  #isLeaving = false;
  /** By `Date.now()`. */
  #mayRotateAt = 0;
  /** Why the gateway took its credential back, once it has. */
  #forgotten = '';
  #wake: () => void = () => undefined;
  #loop: Promise<void> | undefined;
  /** The report or join under way. Never rejects. */
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
  }

  /** What the gateway gave at the last join; its key still counts while the gateway is away. */
  get credential(): Credential | undefined {
    return this.#credential;
  }

  /** Whether the gateway has taken a report of this membership; it stays so while the gateway is away. */
  get joined(): boolean {
    return this.#joined;
  }

  /** Joins, and reports until `leave`. @throws MembershipError when it cannot go on, at once or later */
  run(): Promise<void> {
    this.#loop ??= this.#run();
    return this.#loop;
  }

  /** Reports at once: something that the gateway places by has changed. */
  poke(): void {
    this.#poked = true;
    this.#wake();
  }

  /**
   * Says that the node is leaving, and goes on reporting so; waits at most a second for the gateway to note it. Never throws.
   * @returns how long the gateway may still send work, in ms
   */
  async drain(): Promise<number> {
    this.#isLeaving = true;
    return (await within(TOLD_MS, this.#tellBehind('draining'))) ?? 0;
  }

  /** Ends reporting, with a last report that the node has left; waits at most a second for that. Never throws. */
  async leave(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await within(TOLD_MS, this.#tellBehind('stopped'));
  }

  /** After the report under way: one that came behind would undo it. @returns how long work may still come */
  async #tellBehind(state: 'draining' | 'stopped'): Promise<number> {
    await this.#underWay;
    const { report, gateway, onChange } = this.#options;
    const credential = this.#credential;
    if (!credential) return 0;
    try {
      const answer = await gateway.heartbeat(credential.id, credential.credential, { ...(await report()), state });
      return answer.handoverMs ?? 0;
    } catch (error) {
      onChange({
        state: 'waiting',
        reason: `the gateway was not told that this node is ${state}: ${messageOf(error)}`,
      });
      return 0;
    }
  }

  async #run(): Promise<void> {
    const { store, gateway } = this.#options;
    this.#credential = await store.read(gateway.url);
    while (!this.#stop.signal.aborted) {
      const attempt = this.#attempt();
      this.#underWay = attempt.catch(() => undefined);
      await this.#pause(await attempt);
    }
  }

  /** @returns how long to wait until the next */
  async #attempt(): Promise<number> {
    this.#poked = false;
    try {
      this.#credential ??= await this.#join();
      const { id, credential } = this.#credential;
      const { clock, gateway, report, onAnswer } = this.#options;
      const state = this.#isLeaving ? 'draining' : 'ready';
      const beat = { ...(await report()), state } as const;
      const answer = await clock.measure(() => gateway.heartbeat(id, credential, beat));
      this.#taken(id, answer);
      onAnswer?.(answer);
      if (answer.rotate && Date.now() >= this.#mayRotateAt) await this.#rotate(this.#credential);
    } catch (error) {
      return await this.#failed(error);
    }
    return HEARTBEAT_INTERVAL_MS;
  }

  #taken(id: string, { drained = false, duplicate }: HeartbeatAnswer): void {
    this.#backoff.reset();
    this.#joined = true;
    const clock = this.#options.clock.warning();
    const other = duplicate && `${duplicate.url} ${duplicate.newer}`;
    this.#tell(
      { state: 'joined', id, drained, duplicate, clock },
      `joined ${id} ${drained} ${other} ${Boolean(clock)}`,
    );
  }

  /** What was given is stored before it is used: a crash in between leaves a credential that counts. */
  async #rotate(before: Credential): Promise<void> {
    const { gateway, store, onChange } = this.#options;
    try {
      const next = { ...before, credential: await gateway.nextCredential(before.id, before.credential) };
      await store.write(next);
      this.#credential = next;
    } catch (error) {
      this.#mayRotateAt = Date.now() + ROTATION_PAUSE_MS;
      onChange({ state: 'rotation failed', reason: messageOf(error) });
      return;
    }
    onChange({ state: 'rotated' });
    // The use of it is what ends the one before.
    this.poke();
  }

  async #failed(error: unknown): Promise<number> {
    if (!(error instanceof GatewayRefusal || error instanceof GatewayUnreachable)) throw error;
    if (isForgotten(error) && this.#credential && !this.#stop.signal.aborted) {
      const { store, gateway } = this.#options;
      // Another process with this home may have replaced it.
      const kept = await store.read(gateway.url);
      if (kept && kept.credential !== this.#credential.credential) {
        this.#credential = kept;
        return 0;
      }
      this.#credential = undefined;
      this.#joined = false;
      await store.forget();
      this.#forgotten = `the gateway does not know this node any more, because it was removed, another joined under its name, or a copy of its home replaced its credential: ${error.message}`;
      this.#tell({ state: 'waiting', reason: this.#forgotten });
      // Who is leaving has nothing to join for, and requests to finish.
      if (this.#isLeaving) this.#stop.abort();
      return 0;
    }
    // A gateway that is away for an hour is away in several ways.
    const key = error instanceof GatewayUnreachable ? 'unreachable' : error.message;
    this.#tell({ state: 'waiting', reason: error.message }, key);
    return this.#backoff.next();
  }

  async #join(): Promise<Credential> {
    const { gateway, self, store } = this.#options;
    const token = await this.#options.token();
    if (token === undefined) {
      throw new MembershipError(
        `no credential for ${gateway.url} and no join token: make one (POST /api/nodes/tokens) and pass it in LEPTON_TOKEN or by --token-file${this.#forgotten === '' ? '' : `; ${this.#forgotten}`}`,
      );
    }
    try {
      const credential = { gateway: gateway.url, ...(await gateway.join({ ...self, token })) };
      await store.write(credential);
      return credential;
    } catch (error) {
      if (error instanceof GatewayRefusal && isFinal(error.status)) {
        const before = this.#forgotten === '' ? '' : `; ${this.#forgotten}`;
        throw new MembershipError(`the gateway refused this node: ${error.message}${before}`, { cause: error });
      }
      throw error;
    }
  }

  /** @param key what makes it news */
  #tell(change: MembershipChange, key = JSON.stringify(change)): void {
    if (key === this.#state) return;
    this.#state = key;
    this.#options.onChange(change);
  }

  async #pause(ms: number): Promise<void> {
    const joined = ms === HEARTBEAT_INTERVAL_MS;
    if (this.#stop.signal.aborted || (this.#poked && joined)) return;
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(resolve, ms);
      this.#wake = () => {
        // A change is no reason to try a gateway sooner that is away.
        if (!joined && !this.#stop.signal.aborted) return;
        clearTimeout(timeout);
        resolve();
      };
    });
  }
}

/** What stands before a gateway may answer 401 or 404 while that is away: it knows nothing of nodes. */
function isForgotten(error: GatewayRefusal | GatewayUnreachable): boolean {
  return error instanceof GatewayRefusal && (error.code === 'unauthenticated' || error.code === 'node_not_found');
}

/** Whether a join that was refused so would be refused again: all but "not reachable yet", "slower", and failures. */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 422 && status !== 429 && status !== 408;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Undefined when it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
