/** What happens to fleets, for the simulator. */
import { type Outcome, type Scenario, simulate } from './simulate.ts';
import type { Strategy } from './strategies.ts';

const FOR_MS = 10_000;
const SPAN = { fromMs: 2_000, forMs: FOR_MS };
const fleet = (count: number, workMs = 20, atOnce = 4) => Array.from({ length: count }, () => ({ workMs, atOnce }));
const at =
  (perSecond: number): Scenario['rate'] =>
  () =>
    perSecond;

const flapping = Array.from({ length: 6 }, (_, i) => ({
  at: 3_000 + i * 2_000,
  nodes: [1],
  to: i % 2 === 0 ? ('down' as const) : ('up' as const),
}));

export const SCENARIOS: readonly Scenario[] = [
  { name: 'nothing happens', nodes: fleet(4), rate: at(400), ...SPAN },
  {
    name: 'a node becomes ten times slower',
    nodes: fleet(4),
    rate: at(400),
    ...SPAN,
    faults: [{ at: 4_000, nodes: [1], to: { slower: 10 } }],
  },
  {
    name: 'a node dies and comes back every two seconds',
    nodes: fleet(4),
    rate: at(300),
    ...SPAN,
    faults: flapping,
  },
  {
    name: 'a region is cut off: three of six nodes fall silent',
    nodes: fleet(6),
    rate: at(400),
    ...SPAN,
    faults: [{ at: 4_000, nodes: [0, 1, 2], to: 'frozen' }],
  },
  {
    name: 'the same, hedged',
    nodes: fleet(6),
    rate: at(400),
    ...SPAN,
    faults: [{ at: 4_000, nodes: [0, 1, 2], to: 'frozen' }],
    hedge: true,
  },
  {
    name: 'a crowd: eight times as many requests for two seconds',
    nodes: fleet(4),
    rate: (now) => (now > 4_000 && now < 6_000 ? 800 : 100),
    ...SPAN,
  },
  {
    name: 'all nodes become five times slower, hedged',
    nodes: fleet(4),
    rate: at(400),
    ...SPAN,
    faults: [{ at: 4_000, nodes: [0, 1, 2, 3], to: { slower: 5 } }],
    hedge: true,
  },
  {
    name: 'unlike nodes: one does what the other three do together',
    nodes: [{ workMs: 5, atOnce: 4 }, ...fleet(3, 60)],
    rate: at(400),
    ...SPAN,
  },
  {
    name: 'a model that no node has loaded',
    nodes: fleet(6).map((node) => ({ ...node, isLoaded: false })),
    rate: at(50),
    fromMs: 0,
    forMs: FOR_MS,
  },
  {
    name: 'all nodes die',
    nodes: fleet(4),
    rate: at(400),
    ...SPAN,
    faults: [{ at: 6_000, nodes: [0, 1, 2, 3], to: 'down' }],
  },
];

/** The outcome of each scenario by strategy. */
export async function compare(): Promise<{ scenario: Scenario; outcomes: Record<Strategy, Outcome> }[]> {
  const compared = [];
  // One after the other: virtual time is the process's.
  for (const scenario of SCENARIOS) {
    const outcomes = {
      ours: await simulate(scenario, 'ours'),
      'round-robin': await simulate(scenario, 'round-robin'),
      random: await simulate(scenario, 'random'),
    };
    compared.push({ scenario, outcomes });
  }
  return compared;
}
