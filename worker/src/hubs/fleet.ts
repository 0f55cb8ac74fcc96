/** The fleet as an isolate sees it: the hub's answer, remembered for a second or two, less the nodes that just failed here. */
import type { Heartbeat } from '@lepton-edge/protocol';
import { EntityCache } from '../cache/entity-cache.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { FleetHub, LiveNode, NodeIdentity } from './fleet-hub.ts';

/** A node that failed a call is left out this long; by then its heartbeats have told whether it lives. */
const FAILED_MS = 3_000;

/** Tighter than the registry's: a node that went silent must be out of use within 10 s. */
const FLEET_AGES = { freshMs: 1_000, staleMs: 2_000, outageMs: 10_000 };

export interface Fleet {
  /** The nodes that may be given work now. */
  ready(waitUntil: WaitUntil): Promise<readonly LiveNode[]>;
  /** Says that a call to this node failed in a way another node might not. */
  failed(nodeId: string): void;
  list(): Promise<(LiveNode & { silentMs: number })[]>;
  /** When it was received; undefined for a node that was removed. */
  heartbeat(identity: NodeIdentity, heartbeat: Heartbeat): Promise<number | undefined>;
  forget(nodeId: string): Promise<void>;
}

export function createFleet(namespace: DurableObjectNamespace<FleetHub>, now: () => number = Date.now): Fleet {
  const hub = () => namespace.get(namespace.idFromName('fleet'));
  const known = new EntityCache<LiveNode[]>({
    load: async () => (await hub().ready()) as LiveNode[],
    now,
    ages: FLEET_AGES,
  });
  const failedAt = new Map<string, number>();
  return {
    async ready(waitUntil) {
      const nodes = (await known.get('fleet', waitUntil)) ?? [];
      return nodes.filter((node) => now() - (failedAt.get(node.id) ?? Number.NEGATIVE_INFINITY) > FAILED_MS);
    },
    failed(nodeId) {
      failedAt.set(nodeId, now());
    },
    list: async () => (await hub().list()) as (LiveNode & { silentMs: number })[],
    heartbeat: async (identity, heartbeat) => await hub().heartbeat(identity, heartbeat),
    async forget(nodeId) {
      await hub().forget(nodeId);
      known.forget('fleet');
    },
  };
}
