/** The nodes of a fleet as an isolate knows them, and how soon each would answer a request. Pure: the clock is handed in. */
import type { Heartbeat, LeptonError, LoadedModel } from '@lepton-edge/protocol';
import type { NodeCandidate } from './choose-node.ts';
import { type NodeCall, NodeProcess } from './node-process.ts';
import { rendezvousWeight } from './rendezvous.ts';
import type { Asker, VersionWork } from './version-work.ts';

/** Fetching and loading a model, where nothing more is known. */
const LOAD_MS = 2_000;
/** A call of a node takes no less, beside its work. */
const NETWORK_MS = 5;
/** Of a request of which nothing is known. */
const ASSUMED_REQUEST_MS = 5;
/** Processes that were not heard of for so long are forgotten. */
const FORGOTTEN_AFTER_MS = 60_000;

/** A node as its last report told of it. */
export interface PoolNode {
  id: string;
  region: string | null;
  heartbeat: Pick<Heartbeat, 'instance' | 'inFlight' | 'queued' | 'loaded'>;
  /** By the pool's clock. */
  heardAt: number;
}

export class NodePool<N extends PoolNode> {
  readonly #now: () => number;
  readonly #processes = new Map<string, { process: NodeProcess; seenAt: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** When a call of a node was answered last, by the pool's clock. */
  answeredAt(node: Pick<PoolNode, 'id' | 'heartbeat'>): number {
    return this.#processes.get(processOf(node))?.process.answeredAt ?? Number.NEGATIVE_INFINITY;
  }

  /** Takes the reports of the nodes that may be given work. */
  see(nodes: readonly N[]): PoolView<N> {
    const seenAt = this.#now();
    for (const [id, known] of this.#processes) {
      if (known.seenAt < seenAt - FORGOTTEN_AFTER_MS) this.#processes.delete(id);
    }
    const seen = nodes.map((node) => {
      const id = processOf(node);
      const process = this.#processes.get(id)?.process ?? new NodeProcess(this.#now);
      this.#processes.set(id, { process, seenAt });
      process.report(node.heartbeat.inFlight + node.heartbeat.queued, node.heardAt);
      return { node, process };
    });
    return new PoolView(seen);
  }
}

/** The fleet by one set of reports. */
export class PoolView<N extends PoolNode> {
  readonly #nodes: readonly { node: N; process: NodeProcess }[];
  readonly #byDigest = new Map<string, readonly Candidate<N>[]>();

  constructor(nodes: readonly { node: N; process: NodeProcess }[]) {
    this.#nodes = nodes;
  }

  /** All of them for a version, in its own order: made once for a set of reports, and as true as the last call. */
  candidates(digest: string): readonly Candidate<N>[] {
    const known = this.#byDigest.get(digest);
    if (known) return known;
    const candidates = this.#nodes
      .map(({ node, process }) => ({ node, process, weight: rendezvousWeight(node.id, digest) }))
      .sort((a, b) => b.weight - a.weight)
      .map(({ node, process }) => new Candidate(node, process, digest));
    this.#byDigest.set(digest, candidates);
    return candidates;
  }
}

/** One node for requests of one version. */
export class Candidate<N extends PoolNode> implements NodeCandidate {
  readonly node: N;
  readonly process: string;
  readonly #process: NodeProcess;
  readonly #work: VersionWork;
  readonly #isReported: boolean;
  /** What requests took there lately, where it reported that. */
  readonly #recent: LoadedModel['recent'];

  constructor(node: N, process: NodeProcess, digest: string) {
    const loaded = node.heartbeat.loaded.find((model) => model.digest === digest);
    this.node = node;
    this.process = processOf(node);
    this.#process = process;
    this.#work = process.workOn(digest);
    this.#isReported = loaded !== undefined;
    this.#recent = loaded?.recent;
  }

  get region(): string | null {
    return this.node.region;
  }

  isHealthy(now: number): boolean {
    return this.#process.circuit.allows(now);
  }

  isFull(asker: Asker, now: number): boolean {
    return this.#work.isFull(asker, now);
  }

  /** What it would say to a request that it has no room for. */
  refusal(asker: Asker, now: number): LeptonError | undefined {
    return this.#work.refusal(asker, now);
  }

  /** Also where it is being loaded for a call of ours. */
  has(): boolean {
    return this.#isWarm || this.#work.calls.size > 0;
  }

  pending(now: number): number {
    return this.#process.pending(now);
  }

  /** For how long its calls were silent, where they are: it may be about to come back. */
  silentMs(now: number): number | undefined {
    return this.#process.circuit.silentMs(now);
  }

  expectedMs(now: number, usualMs: number | undefined): number {
    const waitMs = this.#waitMs(now, usualMs);
    const since = this.#work.calledSince;
    if (!this.#isWarm && since === undefined) return waitMs + LOAD_MS;
    // What waits meanwhile is no reason to load it on one more node.
    if (!this.#isWarm) return Math.max(waitMs, LOAD_MS - (now - (since ?? now)));
    // Calls that get no answer show a node that has become slow before any answer does.
    const silentMs = since === undefined ? 0 : this.#work.silentMs(now);
    const leastMs = Math.max(NETWORK_MS + this.#workMs(usualMs), silentMs);
    const delayMs = this.#work.delayMs(now);
    if (delayMs !== undefined) return waitMs + Math.max(leastMs, delayMs);
    return Math.max(waitMs + leastMs, NETWORK_MS + (this.#recent?.meanMs ?? 0));
  }

  begin(asker: Asker, now: number, usualMs: number | undefined): NodeCall {
    return this.#process.begin(this.#work, asker, { waitMs: this.#waitMs(now, usualMs), isWarm: this.#isWarm });
  }

  get #isWarm(): boolean {
    return this.#isReported || (this.#work.workedAt ?? 0) > this.#process.reportedAt;
  }

  #waitMs(now: number, usualMs: number | undefined): number {
    return this.pending(now) * this.#workMs(usualMs);
  }

  #workMs(usualMs: number | undefined): number {
    return this.#recent?.requestMs ?? usualMs ?? ASSUMED_REQUEST_MS;
  }
}

/** What a failure is remembered of: a node that was started again is another. */
function processOf({ id, heartbeat }: Pick<PoolNode, 'id' | 'heartbeat'>): string {
  return `${id} ${heartbeat.instance ?? ''}`;
}
