/** The node's life in a fleet: it joins, reports, joins again when it was forgotten, and says when it leaves. */
import { HEARTBEAT_INTERVAL_MS, type Heartbeat, type HeartbeatAnswer, type JoinInput } from '@lepton-edge/protocol';
import { Backoff } from './backoff.ts';
import type { Credential, CredentialStore } from './credential.ts';
import { type GatewayClient, GatewayRefusal, GatewayUnreachable } from './gateway-client.ts';

const FAREWELL_MS = 1_000;

export interface MembershipOptions {
  gateway: GatewayClient;
  store: CredentialStore;
  /** All of a join but its token. */
  self: Omit<JoinInput, 'token'>;
  token: string | undefined;
  /** What a heartbeat says, but for the state. */
  report(): Promise<Omit<Heartbeat, 'state'>>;
  /** Told of what the gateway answered to a heartbeat. */
  onAnswer?(answer: HeartbeatAnswer): void;
  /** Called when the state changes, not at every attempt. */
  onChange(change: MembershipChange): void;
  random?: () => number;
}

export type MembershipChange =
  | { state: 'joined'; id: string }
  /** Cut off from the gateway, for now. */
  | { state: 'waiting'; reason: string };

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

  /** Ends reporting and tells the gateway to send nothing more; waits at most a second for that. Never throws. */
  async leave(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await Promise.race([this.#sayFarewell(), timer(FAREWELL_MS)]);
  }

  /** After the report under way: one that came behind the farewell would undo it. */
  async #sayFarewell(): Promise<void> {
    await this.#underWay;
    const credential = this.#credential;
    if (!credential) return;
    try {
      const beat: Heartbeat = { ...(await this.#options.report()), state: 'draining' };
      await this.#options.gateway.heartbeat(credential.id, credential.credential, beat);
    } catch (error) {
      this.#options.onChange({ state: 'waiting', reason: `the gateway was not told of the end: ${messageOf(error)}` });
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
      const beat: Heartbeat = { ...(await this.#options.report()), state: 'ready' };
      const answer = await this.#options.gateway.heartbeat(id, credential, beat);
      this.#options.onAnswer?.(answer);
    } catch (error) {
      return await this.#failed(error);
    }
    this.#backoff.reset();
    this.#joined = true;
    this.#tell({ state: 'joined', id: this.#credential.id });
    return HEARTBEAT_INTERVAL_MS;
  }

  async #failed(error: unknown): Promise<number> {
    if (!(error instanceof GatewayRefusal || error instanceof GatewayUnreachable)) throw error;
    const forgotten = error instanceof GatewayRefusal && (error.status === 401 || error.status === 404);
    if (forgotten && this.#credential && !this.#stop.signal.aborted) {
      this.#credential = undefined;
      this.#joined = false;
      await this.#options.store.forget();
      this.#tell({ state: 'waiting', reason: `the gateway does not know this node any more: ${error.message}` });
      return 0;
    }
    this.#tell({ state: 'waiting', reason: error.message });
    return this.#backoff.next();
  }

  async #join(): Promise<Credential> {
    const { gateway, self, token, store } = this.#options;
    if (token === undefined) {
      throw new MembershipError(
        `no credential for ${gateway.url} and no join token: make one (POST /api/nodes/tokens) and pass it in LEPTON_TOKEN`,
      );
    }
    try {
      const credential = { gateway: gateway.url, ...(await gateway.join({ ...self, token })) };
      await store.write(credential);
      return credential;
    } catch (error) {
      if (error instanceof GatewayRefusal && isFinal(error.status)) {
        throw new MembershipError(`the gateway refused this node: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }

  #tell(change: MembershipChange): void {
    const state = JSON.stringify(change);
    if (state === this.#state) return;
    this.#state = state;
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

/** Whether a join that was refused so would be refused again: all but "not reachable yet", "slower", and failures. */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 422 && status !== 429 && status !== 408;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function timer(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
