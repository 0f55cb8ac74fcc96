/** The fleet as an isolate sees it: the hub's answer, remembered for a second or two, and what the isolate's own calls showed since. */
import { type Heartbeat, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';
import { EntityCache } from '../cache/entity-cache.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import { OwnCalls } from '../dispatch/own-calls.ts';
import type { FleetHub } from './fleet-hub.ts';
import { isWilling, type ListedNode, type LiveNode, type NodeIdentity, type Received } from './live-node.ts';

/** A node that failed a call is left out this long; by then its heartbeats have told whether it lives. */
const FAILED_MS = 3_000;
const FAILURES_KEPT_MS = 60_000;

/** Tighter than the registry's: a node that went silent must be out of use within 10 s. */
const FLEET_AGES = { freshMs: 1_000, staleMs: 2_000, outageMs: 10_000 };

/** By then no isolate gives work any more to a node that the hub knows to be leaving. */
export const HANDOVER_MS = FLEET_AGES.staleMs + 500;

/** A node as the hub heard it, with the time of that on the isolate's clock. */
export type HeardNode = LiveNode & { heardAt: number };

export interface FleetView {
  /** The nodes that may be given work now. */
  ready: readonly HeardNode[];
  /** Those that calls found silent a moment ago, though the hub hears them: they may be about to come back. */
  awaited: readonly HeardNode[];
  /** Whether the hub still hears a node; one that drains, too. */
  hears(nodeId: string): boolean;
}

export interface Fleet {
  view(waitUntil: WaitUntil): Promise<FleetView>;
  /** Counts a call of a node until the function it gives is called. */
  begin(nodeId: string, digest: string): () => void;
  /** What a node has to do, and whether a call of this version is on it, by its last report and our own calls since. */
  workOf(node: HeardNode, digest: string): { pending: number; called: boolean };
  /** Says that a call failed in a way another node might not; `silent`: there was no answer, which may soon be otherwise. */
  failed(node: LiveNode, how: 'silent' | 'sick'): void;
  answered(node: LiveNode): void;
  list(): Promise<ListedNode[]>;
  /** Undefined for a node that was removed. */
  heartbeat(identity: NodeIdentity, heartbeat: Heartbeat): Promise<Received | undefined>;
  /** Whether a process reports as this node that began later than this one. */
  isOlder(nodeId: string, instance: string | undefined): Promise<boolean>;
  /** Takes a node out of work, or gives it back: here at once, elsewhere within `HANDOVER_MS`. */
  drain(nodeId: string, drained: boolean): Promise<void>;
  forget(nodeId: string): Promise<void>;
}

interface Failure {
  at: number;
  /** Of the first since the last answer. */
  since: number;
  silent: boolean;
}

export function createFleet(namespace: DurableObjectNamespace<FleetHub>, now: () => number = Date.now): Fleet {
  const hub = () => namespace.get(namespace.idFromName('fleet'));
  const known = new EntityCache<HeardNode[]>({
    load: async () => {
      const askedAt = now();
      const nodes = (await hub().heard()) as ListedNode[];
      return nodes.map(({ silentMs, ...node }) => ({ ...node, heardAt: askedAt - silentMs }));
    },
    now,
    ages: FLEET_AGES,
  });
  const failures = new Map<string, Failure>();
  const own = new Map<string, OwnCalls>();
  const failureOf = (node: LiveNode) => failures.get(processOf(node));
  return {
    async view(waitUntil) {
      const heard = (await known.get('fleet', waitUntil)) ?? [];
      const willing = heard.filter(isWilling);
      const isResting = (node: LiveNode) => now() - (failureOf(node)?.at ?? Number.NEGATIVE_INFINITY) <= FAILED_MS;
      const isAwaited = (node: LiveNode) => {
        const failure = failureOf(node);
        return failure?.silent === true && now() - failure.since <= NODE_LOST_AFTER_MS;
      };
      return {
        ready: willing.filter((node) => !isResting(node)),
        awaited: willing.filter(isAwaited),
        hears: (id) => heard.some((node) => node.id === id),
      };
    },
    begin(nodeId, digest) {
      const calls = own.get(nodeId) ?? new OwnCalls();
      own.set(nodeId, calls);
      const call = calls.begin(digest, now());
      return () => calls.end(call, now());
    },
    workOf({ id, heartbeat, heardAt }, digest) {
      const reported = heartbeat.inFlight + heartbeat.queued;
      const calls = own.get(id);
      return { pending: calls?.pending(reported, heardAt, now()) ?? reported, called: calls?.has(digest) ?? false };
    },
    failed(node, how) {
      const at = now();
      for (const [process, failure] of failures) if (at - failure.at > FAILURES_KEPT_MS) failures.delete(process);
      failures.set(processOf(node), { at, since: failureOf(node)?.since ?? at, silent: how === 'silent' });
    },
    answered(node) {
      if (failures.size > 0) failures.delete(processOf(node));
    },
    list: async () => (await hub().list()) as ListedNode[],
    heartbeat: async (identity, heartbeat) => await hub().heartbeat(identity, heartbeat),
    isOlder: async (nodeId, instance) => await hub().isOlder(nodeId, instance),
    async drain(nodeId, drained) {
      await hub().drain(nodeId, drained);
      known.forget('fleet');
    },
    async forget(nodeId) {
      await hub().forget(nodeId);
      known.forget('fleet');
      own.delete(nodeId);
    },
  };
}

/** What a failure is remembered of: a node that was started again is another. */
export function processOf({ id, heartbeat }: LiveNode): string {
  return `${id} ${heartbeat.instance ?? ''}`;
}
