/** The fleet as an isolate sees it: the hub's answer, remembered for a second or two, and what the isolate's own calls showed since. */
import { HEARTBEAT_INTERVAL_MS, type Heartbeat } from '@lepton-edge/protocol';
import { EntityCache } from '../cache/entity-cache.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import { HedgeDelays } from '../dispatch/hedge-delays.ts';
import { type Candidate, NodePool } from '../dispatch/node-pool.ts';
import { RetryBudget } from '../dispatch/retry-budget.ts';
import type { FleetHub } from './fleet-hub.ts';
import { isHeard, isWilling, type ListedNode, type LiveNode, type NodeIdentity, type Received } from './live-node.ts';

/** Tighter than the registry's: a node that went silent must be out of use within 10 s. */
const FLEET_AGES = { freshMs: 1_000, staleMs: 2_000, outageMs: 10_000 };

/** Two reports' time: a node that falls silent altogether is lost no later than by its reports. */
const ANSWERS_COUNT_MS = 2 * HEARTBEAT_INTERVAL_MS;

/** By then no isolate gives work any more to a node that the hub knows to be leaving. */
export const HANDOVER_MS = FLEET_AGES.staleMs + 500;

/** A node as the hub heard it, with the time of that on the isolate's clock. */
export type HeardNode = LiveNode & { heardAt: number };
export type FleetCandidate = Candidate<HeardNode>;

export interface FleetView {
  /** The nodes that are willing to work, for a version, in the version's own order. */
  candidates(digest: string): readonly FleetCandidate[];
  /** Whether a node is there, as its reports or its answers show; one that drains, too. */
  hears(nodeId: string): boolean;
}

export interface Fleet {
  /** Rejects where the hub could not be asked for a while. */
  view(waitUntil: WaitUntil): Promise<FleetView>;
  /** What is known of it without waiting, if anything is; it is asked meanwhile. */
  peek(waitUntil: WaitUntil): FleetView | undefined;
  /** Of all calls of nodes that are made in addition to a request's first. */
  budget: RetryBudget;
  /** Of versions whose calls may be hedged. */
  hedgeDelays: HedgeDelays;
  list(): Promise<ListedNode[]>;
  find(nodeId: string): Promise<ListedNode | undefined>;
  /** Undefined for a node that was removed. */
  heartbeat(identity: NodeIdentity, heartbeat: Heartbeat): Promise<Received | undefined>;
  /** Whether a process reports as this node that began later than this one. */
  isOlder(nodeId: string, instance: string | undefined): Promise<boolean>;
  /** Takes a node out of work, or gives it back: here at once, elsewhere within `HANDOVER_MS`. */
  drain(nodeId: string, drained: boolean): Promise<void>;
  forget(nodeId: string): Promise<void>;
}

export function createFleet(namespace: DurableObjectNamespace<FleetHub>, now: () => number = Date.now): Fleet {
  const hub = () => namespace.get(namespace.idFromName('fleet'));
  const pool = new NodePool<HeardNode>(now);
  const known = new EntityCache<FleetView>({
    load: async () => {
      const askedAt = now();
      const listed = (await hub().recent()) as ListedNode[];
      // Where everything is busy, reports are late, and answers show that a node is there.
      const isThere = (node: ListedNode) => isHeard(node) || now() - pool.answeredAt(node) < ANSWERS_COUNT_MS;
      const nodes = listed.filter(isThere).map(({ silentMs, ...node }) => ({ ...node, heardAt: askedAt - silentMs }));
      const view = pool.see(nodes.filter(isWilling));
      const heard = new Set(nodes.map(({ id }) => id));
      return { candidates: (digest) => view.candidates(digest), hears: (id) => heard.has(id) };
    },
    now,
    ages: FLEET_AGES,
  });
  return {
    view: async (waitUntil) => (await known.get('fleet', waitUntil)) ?? NO_FLEET,
    peek: (waitUntil) => known.peek('fleet', waitUntil),
    budget: new RetryBudget(now),
    hedgeDelays: new HedgeDelays(),
    list: async () => (await hub().list()) as ListedNode[],
    find: async (nodeId) => (await hub().find(nodeId)) as ListedNode | undefined,
    heartbeat: async (identity, heartbeat) => await hub().heartbeat(identity, heartbeat),
    isOlder: async (nodeId, instance) => await hub().isOlder(nodeId, instance),
    async drain(nodeId, drained) {
      await hub().drain(nodeId, drained);
      known.forget('fleet');
    },
    async forget(nodeId) {
      await hub().forget(nodeId);
      known.forget('fleet');
    },
  };
}

export const NO_FLEET: FleetView = { candidates: () => [], hears: () => false };
