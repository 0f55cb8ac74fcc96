/**
 * A fleet in virtual time: callers, two isolates, the hub, and nodes that become slow, fail or load. How isolates ask nodes is the gateway's
 * own code, as is the hub's knowledge; only the nodes and the network are made up. The same seed gives the same numbers.
 */
import { LeptonError } from '@lepton-edge/protocol';
import { quantile } from '../../soak/support/table.ts';
import { randomFrom } from '../../test/support/random.ts';
import type { Gateway } from '../../worker/src/context.ts';
import { createFleet } from '../../worker/src/hubs/fleet.ts';
import { Roster } from '../../worker/src/hubs/roster.ts';
import { askNodes } from '../../worker/src/infer/ask-nodes.ts';
import type { NodeAnswer, Patience } from '../../worker/src/infer/call-node.ts';
import type { PlaceRequest } from '../../worker/src/infer/decide.ts';
import { Timings } from '../../worker/src/infer/timings.ts';
import { type Fault, type NodeOptions, SimulatedNode } from './simulated-node.ts';
import { budgetOf, chooserOf, type Strategy } from './strategies.ts';
import { VirtualTime } from './virtual-time.ts';

export interface Scenario {
  name: string;
  nodes: readonly NodeOptions[];
  /** Requests a second, at a time in ms. */
  rate: (at: number) => number;
  /** Requests that come before are not counted. */
  fromMs: number;
  forMs: number;
  /** What happens to nodes, and when. */
  faults?: readonly { at: number; nodes: readonly number[]; to: Fault }[];
  hedge?: boolean;
}

export interface Outcome {
  requests: number;
  /** Of all that were answered, in ms. */
  p50: number;
  p99: number;
  slowest: number;
  /** Those that were not. */
  failed: number;
  /** Calls of nodes beyond a request's first. */
  again: number;
  /** How often a node loaded the version. */
  loads: number;
}

const ISOLATES = 2;
const DIGEST = 'v';
const NETWORK_MS = 1;
/** Longer than any call. */
const PATIENCE_MS = 70_000;

export async function simulate(scenario: Scenario, strategy: Strategy, seed = 1): Promise<Outcome> {
  const time = new VirtualTime();
  const now = () => time.now;
  const random = randomFrom(seed);
  // The same requests for each strategy.
  const arrivals = randomFrom(seed);
  const roster = new Roster([], now);
  const nodes = new Map(
    scenario.nodes.map((options, i) => {
      const identity = { id: `node_${i}`, name: `node-${i}`, issuer: '', region: null, drained: false };
      const report = (heartbeat: Parameters<Roster['heartbeat']>[1]) => void roster.heartbeat(identity, heartbeat);
      return [identity.id, new SimulatedNode(options, { time, random, report, digest: DIGEST })];
    }),
  );
  const outside = { time, random, roster, nodes };
  const isolates = Array.from({ length: ISOLATES }, () => newIsolate(outside, strategy, scenario.hedge ?? false));
  for (const { at, nodes: places, to } of scenario.faults ?? []) {
    time.at(at, () => {
      for (const i of places) nodes.get(`node_${i}`)?.become(to);
    });
  }
  const latencies: number[] = [];
  let requests = 0;
  let again = 0;
  const request = async (infer: Infer, size: number) => {
    const begunAt = time.now;
    const isCounted = begunAt >= scenario.fromMs;
    if (isCounted) requests += 1;
    const isAnswered = await infer(size, (calls) => {
      if (isCounted && calls > 1) again += 1;
    });
    if (isCounted && isAnswered) latencies.push(time.now - begunAt);
  };
  const arrive = () => {
    if (time.now > scenario.forMs) return;
    void request(isolates[Math.floor(arrivals() * ISOLATES)] as Infer, 0.5 + arrivals());
    time.after((-1_000 / scenario.rate(time.now)) * Math.log(1 - arrivals()), arrive);
  };
  time.at(0, arrive);
  await time.run(scenario.forMs + PATIENCE_MS);
  return {
    requests,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    slowest: quantile(latencies, 1),
    failed: requests - latencies.length,
    again,
    loads: [...nodes.values()].reduce((sum, { loads }) => sum + loads, 0),
  };
}

interface Outside {
  time: VirtualTime;
  random: () => number;
  roster: Roster;
  nodes: ReadonlyMap<string, SimulatedNode>;
}

/** @param size of the work, as a multiple of the mean @param called told how many calls of nodes there are by now @returns whether it was answered */
type Infer = (size: number, called: (calls: number) => void) => Promise<boolean>;

function newIsolate({ time, random, roster, nodes }: Outside, strategy: Strategy, mayHedge: boolean): Infer {
  const now = () => time.now;
  const hub = { recent: async () => roster.recent() };
  const fleet = createFleet({ get: () => hub, idFromName: () => 'fleet' } as never, now);
  const edge = { unavailableFor: () => undefined, waitMs: () => 0, has: () => false };
  const gateway = {
    ...{ edge, random, now },
    fleet: { ...fleet, budget: budgetOf(strategy, now) },
  } as unknown as Gateway;
  const manifest = { placement: { policy: 'node' }, retry: { hedge: mayHedge && strategy === 'ours' } };
  const target = { model: { id: 'm' }, version: { digest: DIGEST, manifest } } as PlaceRequest['target'];
  const choose = chooserOf(strategy, gateway, target);
  return async (size, called) => {
    const asked = new Set<string>();
    let calls = 0;
    const decideAgain = (mayTry?: (process: string) => boolean) => choose(asked, mayTry);
    const ask = async ({ id }: { id: string }, { signal }: Patience) => {
      asked.add(id);
      called(++calls);
      return await callNode(time, nodes.get(id) as SimulatedNode, size, signal);
    };
    const call = {
      version: target.version,
      asker: { team: 'team', size: 1 },
      decided: await decideAgain(),
      decideAgain,
      deadline: undefined,
      ask,
    };
    try {
      return (await askNodes(gateway, call, new Timings(now))) !== undefined;
    } catch (error) {
      if (error instanceof LeptonError) return false;
      throw error;
    }
  };
}

/** As the gateway's own call, over a network that only takes time. */
function callNode(
  time: VirtualTime,
  node: SimulatedNode,
  size: number,
  signal: AbortSignal,
): Promise<NodeAnswer<undefined>> {
  return new Promise((resolve) => {
    const arrived = () => {
      if (signal.aborted) return;
      const leave = node.accept(size, (how) => time.after(NETWORK_MS, () => resolve(ANSWERS[how])));
      signal.addEventListener('abort', () => time.after(NETWORK_MS, leave));
    };
    time.after(NETWORK_MS, arrived);
  });
}

const ANSWERS = {
  ok: { ok: true, value: undefined },
  busy: { ok: false, kind: 'busy', error: new LeptonError('overloaded', 'busy', { retryAfterSeconds: 1 }) },
  silent: { ok: false, kind: 'silent', error: new LeptonError('no_placement', 'silent', { retryAfterSeconds: 2 }) },
} as const;
