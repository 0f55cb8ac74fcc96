/** Runs the soak `chaos` and tells it as a page. */
import { CHAOS, chaosFaults } from '../chaos/faults.ts';
import { soakChaos } from '../chaos.ts';
import type { SoakOptions, SoakReport } from '../flags.ts';
import { tableOf } from '../support/table.ts';
import { machine } from './machine.ts';

const ROUNDS = 24;
const REQUESTS = 1_000;

export async function runChaos({
  folder,
  port,
  rounds = ROUNDS,
  minutes,
  only,
  say,
}: SoakOptions): Promise<SoakReport> {
  const untilMs = minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000;
  const faults = only.length === 0 ? CHAOS : chaosFaults(...only);
  const results = await soakChaos({ folder, port, rounds, requests: REQUESTS, untilMs, say, faults });
  const rows = results.map(({ fault, tally: { ended, failed, slowestMs } }, i) => {
    const told = [...failed].map(([name, count]) => `${count} × ${name === '0' ? 'no answer' : name}`);
    return [i + 1, fault.name, ended, told.join(', ') || 0, `${Math.round(slowestMs)} ms`];
  });
  const violations = results.flatMap(({ fault, violations }, i) =>
    violations.map((violation) => `${i + 1} ${fault.name}: ${violation}`),
  );
  const page = `# Soak: chaos

A gateway and two nodes. Eight callers ask without pause for a model at the edge, one that may run anywhere, one on a node, a remembered answer, and one whose alias
moves; they repeat nothing that failed, and compare every answer. In each round something is done to the whole, and the round has at
least ${REQUESTS} requests. \`npm run soak -- chaos --record\`. ${machine()}

${tableOf(['round', 'fault', 'requests', 'failed', 'slowest'], rows)}

${CHAOS.map(({ name, what }) => `- **${name}**: ${what}.`).join('\n')}

${violations.length === 0 ? 'Nothing was violated: what failed was asked while no workerd was there.' : `Violated:\n\n${violations.map((violation) => `- ${violation}`).join('\n')}`}
`;
  return { page, violations };
}
