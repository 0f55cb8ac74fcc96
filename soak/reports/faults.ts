/** Runs the soak `faults` and tells it as a page. */
import { FAULTS, type FaultResult, soakFaults } from '../faults.ts';
import type { SoakOptions, SoakReport } from '../flags.ts';
import { quantile, seconds, tableOf } from '../support/table.ts';
import { machine } from './machine.ts';

const ROUNDS = 20;
const HEAD = ['fault', 'times', 'answers', 'callers were told', 'slowest answer', 'as before after, p50', 'longest'];

export async function runFaults(options: SoakOptions): Promise<SoakReport> {
  const { folder, port, rounds = ROUNDS, minutes, only, say } = options;
  const untilMs = minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000;
  const chosen = only.length === 0 ? Object.keys(FAULTS) : only;
  const faults = chosen.map(faultNamed);
  const results = await soakFaults({ folder, port, faults, rounds, untilMs, say });
  const violations = results.flatMap((result) => result.violations);
  const page = `# Soak: faults

A gateway and two nodes; eight callers repeat a call of a model that either node may run, without repeating one that failed, and
compare each answer with the edge's. To the nodes is done, again and again, what goes wrong with nodes. What is not in the column of what callers
were told did not happen: every other call was answered, and rightly.
\`npm run soak -- faults --record\`. ${machine()}

${tableOf(HEAD, results.map(rowOf))}

${results.map(({ fault }) => `- **${fault.name}**: ${fault.what}.`).join('\n')}

Violations: ${violations.length}.
`;
  return { page, violations };
}

function rowOf({ fault, rounds, tally, recoveredMs }: FaultResult): (string | number)[] {
  const told = [...tally.failed].map(([name, count]) => `${name === '0' ? 'no answer' : name}: ${count}`);
  const recovered = (share: number) => (recoveredMs.length === 0 ? '' : seconds(quantile(recoveredMs, share)));
  return [
    fault.name,
    rounds,
    tally.answered,
    told.join(', ') || 'nothing',
    seconds(tally.slowestMs),
    recovered(0.5),
    recovered(1),
  ];
}

function faultNamed(name: string) {
  const known = Object.entries(FAULTS).find(([key]) => key === name);
  if (known) return known[1];
  throw new Error(`expected some of ${Object.keys(FAULTS).join(', ')}, got ${JSON.stringify(name)}`);
}
