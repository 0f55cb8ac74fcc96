/** How a simulated isolate chooses nodes: as the gateway does, or for comparison by turns or at random, whatever failed before. */
import type { Gateway } from '../../worker/src/context.ts';
import { Candidate } from '../../worker/src/dispatch/node-pool.ts';
import { NodeProcess } from '../../worker/src/dispatch/node-process.ts';
import { RetryBudget } from '../../worker/src/dispatch/retry-budget.ts';
import type { HeardNode } from '../../worker/src/hubs/fleet.ts';
import { type Decision, decide, type PlaceRequest } from '../../worker/src/infer/decide.ts';

export type Strategy = 'ours' | 'round-robin' | 'random';

/** Where a request is sent next. @param asked the ids of the nodes that it was sent to */
type Choose = (asked: ReadonlySet<string>, mayTry?: (process: string) => boolean) => Promise<Decision>;

const waitUntil = () => undefined;

export function chooserOf(strategy: Strategy, gateway: Gateway, target: PlaceRequest['target']): Choose {
  const request = {
    target,
    asker: { team: 'team', size: 1 },
    asked: undefined,
    edgeRunMs: 0,
    leftMs: Number.POSITIVE_INFINITY,
  };
  if (strategy === 'ours') return (_asked, mayTry) => decide(gateway, { ...request, mayTry }, waitUntil);
  const { digest } = target.version;
  const { now, random, fleet } = gateway;
  let turn = 0;
  const place = (count: number) => (strategy === 'random' ? Math.floor(random() * count) : turn++ % count);
  return async (asked, mayTry = () => true) => {
    const view = await fleet.view(waitUntil);
    const left = view.candidates(digest).filter(({ node, process }) => !asked.has(node.id) && mayTry(process));
    const node = left[place(left.length)]?.node;
    const known = { awaited: false, hears: view.hears, isHubAway: false };
    if (!node) return { decision: { kind: 'refused', code: 'no_placement', message: 'no node is left' }, ...known };
    const candidate = new Unjudged(node, new NodeProcess(now), digest);
    return {
      decision: { kind: 'node', choice: { candidate, expectedMs: 0, isFull: false }, warmsEdge: false },
      ...known,
    };
  };
}

export function budgetOf(strategy: Strategy, now: () => number): RetryBudget {
  return strategy === 'ours' ? new RetryBudget(now) : new Unlimited(now);
}

class Unlimited extends RetryBudget {
  override withdraw(): boolean {
    return true;
  }
}

class Unjudged extends Candidate<HeardNode> {
  override isHealthy(): boolean {
    return true;
  }

  override refusal(): undefined {
    return undefined;
  }
}
