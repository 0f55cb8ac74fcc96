/**
 * A fleet in virtual time: callers, two isolates and nodes that become slow, fail or load. It drives the real choosing of nodes, circuits and
 * retry budget, and for comparison choosing by turns or at random with the same retries. The same seed gives the same numbers.
 */
import { Attempts } from './attempts.ts';
import { chooseNode } from './choose-node.ts';
import { HedgeDelays } from './hedge-delays.ts';
import { NodePool, type PoolNode, type PoolView, processOf } from './node-pool.ts';
import type { NodeCall } from './node-process.ts';
import { RetryBudget } from './retry-budget.ts';
import { type NodeOptions, SimulatedNode } from './simulated-node.ts';
import { randomFrom, Simulation } from './simulation.ts';

export type Strategy = 'ours' | 'round-robin' | 'random';

export interface Scenario {
  name: string;
  nodes: readonly NodeOptions[];
  /** Requests a second, at a time in ms. */
  rate: (at: number) => number;
  /** Requests that come before are not counted. */
  fromMs: number;
  forMs: number;
  /** What happens to nodes, and when. */
  faults?: readonly { at: number; nodes: readonly number[]; to: 'up' | 'down' | 'frozen' | { slower: number } }[];
  hedge?: boolean;
}

export interface Outcome {
  requests: number;
  /** Of all that were answered, in ms. */
  p50: number;
  p99: number;
  slowest: number;
  failed: number;
  /** Calls of nodes beyond a request's first. */
  again: number;
  /** How often a node loaded the version. */
  loads: number;
}

const ISOLATES = 2;
const DIGEST = 'v';
const NETWORK_MS = 1;
const VIEW_MS = 1_000;
const WATCH_MS = 1_000;

export function simulate(scenario: Scenario, strategy: Strategy, seed = 1): Outcome {
  const simulation = new Simulation(seed);
  // The same requests for each strategy.
  const arrivals = randomFrom(seed);
  const nodes = scenario.nodes.map((options, i) => new SimulatedNode(simulation, `node_${i}`, options));
  const isolates = Array.from({ length: ISOLATES }, () => new Isolate(simulation, nodes, strategy));
  const tally = { latencies: [] as number[], requests: 0, failed: 0, again: 0 };
  for (const { at, nodes: places, to } of scenario.faults ?? []) {
    simulation.at(at, () => {
      for (const i of places) nodes[i]?.become(to);
    });
  }
  const arrive = () => {
    if (simulation.now > scenario.forMs) return;
    const isolate = isolates[Math.floor(arrivals() * ISOLATES)] as Isolate;
    const size = 0.5 + arrivals();
    const counted = simulation.now >= scenario.fromMs;
    const begunAt = simulation.now;
    new Request(simulation, isolate, { size, mayHedge: scenario.hedge ?? false }, (isAnswered, calls) => {
      if (!counted) return;
      tally.requests += 1;
      tally.again += Math.max(0, calls - 1);
      if (isAnswered) tally.latencies.push(simulation.now - begunAt);
      else tally.failed += 1;
    }).begin();
    simulation.after((-1_000 / scenario.rate(simulation.now)) * Math.log(1 - arrivals()), arrive);
  };
  simulation.at(0, arrive);
  simulation.run(scenario.forMs + 70_000);
  const sorted = Float64Array.from(tally.latencies).sort();
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  return {
    requests: tally.requests,
    p50: quantile(0.5),
    p99: quantile(0.99),
    slowest: quantile(1),
    failed: tally.failed,
    again: tally.again,
    loads: nodes.reduce((sum, { loads }) => sum + loads, 0),
  };
}

/** A call of a node. */
interface Made {
  node: SimulatedNode;
  call: NodeCall | undefined;
}

type Seen = PoolNode & { simulated: SimulatedNode };

/** What chooses: it knows of the fleet what the hub knew up to a second ago. */
class Isolate {
  readonly budget: RetryBudget;
  readonly hedgeDelays = new HedgeDelays();
  readonly #simulation: Simulation;
  readonly #nodes: readonly SimulatedNode[];
  readonly #strategy: Strategy;
  readonly #pool: NodePool<Seen>;
  #view: PoolView<Seen>;
  #heard: Seen[] = [];
  #turn = 0;

  constructor(simulation: Simulation, nodes: readonly SimulatedNode[], strategy: Strategy) {
    this.#simulation = simulation;
    this.#nodes = nodes;
    this.#strategy = strategy;
    this.budget = new RetryBudget(() => simulation.now);
    this.#pool = new NodePool(() => simulation.now);
    this.#view = this.#pool.see([]);
    const see = () => {
      this.#heard = this.#nodes.flatMap((node) => {
        const report = node.lastReport();
        return report ? [{ ...report, simulated: node }] : [];
      });
      this.#view = this.#pool.see(this.#heard);
    };
    const look = () => {
      see();
      simulation.after(VIEW_MS, look);
    };
    see();
    simulation.at(simulation.random() * VIEW_MS, look);
  }

  get hedges(): boolean {
    return this.#strategy === 'ours';
  }

  hears(node: SimulatedNode): boolean {
    return this.#heard.some(({ simulated }) => simulated === node);
  }

  /** Where the next call of a request goes; undefined where nowhere. */
  call(attempts: Attempts, isHedge = false): Made | undefined {
    if (this.#strategy !== 'ours') return this.#plainCall(attempts);
    const { random, now } = this.#simulation;
    const wish = {
      now,
      leftMs: Number.POSITIVE_INFINITY,
      regions: undefined,
      usualMs: undefined,
      mayTry: attempts.mayTry,
      random,
    };
    const choice = chooseNode(this.#view.candidates(DIGEST), wish);
    if (!choice || (isHedge && !choice.candidate.has())) return undefined;
    if (!attempts.any) this.budget.deposit();
    else if (!this.budget.withdraw()) return undefined;
    const { candidate } = choice;
    attempts.tried(candidate.process);
    return { node: candidate.node.simulated, call: candidate.begin(now, undefined) };
  }

  #plainCall(attempts: Attempts): Made | undefined {
    const there = this.#heard.filter((node) => attempts.mayTry(processOf(node)));
    const place = this.#strategy === 'random' ? this.#simulation.random() * there.length : this.#turn++ % there.length;
    const node = there[Math.floor(place)];
    if (!node) return undefined;
    attempts.tried(processOf(node));
    return { node: node.simulated, call: undefined };
  }
}

interface Asked {
  /** Its work, as a multiple of the mean. */
  size: number;
  mayHedge: boolean;
}

/** One request: as the gateway asks nodes, without waiting for one to come back. */
class Request {
  readonly #simulation: Simulation;
  readonly #isolate: Isolate;
  readonly #size: number;
  readonly #mayHedge: boolean;
  readonly #end: (isAnswered: boolean, calls: number) => void;
  readonly #attempts = new Attempts();
  #underWay: Made[] = [];
  #calls = 0;
  #isOver = false;

  constructor(
    simulation: Simulation,
    isolate: Isolate,
    { size, mayHedge }: Asked,
    end: (isAnswered: boolean, calls: number) => void,
  ) {
    this.#simulation = simulation;
    this.#isolate = isolate;
    this.#size = size;
    this.#mayHedge = mayHedge && isolate.hedges;
    this.#end = end;
  }

  begin(): void {
    this.#callNext();
    const hedgeAfter = this.#mayHedge ? this.#isolate.hedgeDelays.of(DIGEST) : undefined;
    if (hedgeAfter !== undefined) this.#hedgeAfter(hedgeAfter);
    this.#watch();
  }

  #hedgeAfter(ms: number): void {
    this.#simulation.after(ms, () => {
      if (this.#underWay.length > 0 && this.#add(true)) this.#hedgeAfter(2 * ms);
    });
  }

  #callNext(): void {
    if (!this.#isOver && !this.#add(false) && this.#underWay.length === 0) this.#over(false);
  }

  #add(isHedge: boolean): boolean {
    if (this.#isOver) return false;
    const next = this.#isolate.call(this.#attempts, isHedge);
    if (!next) return false;
    this.#calls += 1;
    this.#underWay.push(next);
    const came = (how: 'ok' | 'busy' | 'silent') => this.#simulation.after(NETWORK_MS, () => this.#ended(next, how));
    this.#simulation.after(NETWORK_MS, () => next.node.accept(this.#size, came));
    return true;
  }

  #ended(ended: Made, how: 'ok' | 'busy' | 'silent'): void {
    if (this.#isOver) return;
    this.#underWay = this.#underWay.filter((each) => each !== ended);
    if (how !== 'ok') {
      ended.call?.failed(how);
      if (this.#underWay.length === 0) this.#callNext();
      return;
    }
    const ms = ended.call?.answered();
    if (ms !== undefined && this.#mayHedge) this.#isolate.hedgeDelays.observe(DIGEST, ms);
    this.#over(true);
  }

  /** A call on a node that is heard no more is made elsewhere, too. */
  #watch(): void {
    this.#simulation.after(WATCH_MS, () => {
      if (this.#isOver) return;
      if (!this.#underWay.some(({ node }) => this.#isolate.hears(node))) this.#add(false);
      this.#watch();
    });
  }

  #over(isAnswered: boolean): void {
    this.#isOver = true;
    for (const { call } of this.#underWay) call?.abandoned();
    this.#end(isAnswered, this.#calls);
  }
}
