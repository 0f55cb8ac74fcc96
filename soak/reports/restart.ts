/** Runs the soak `restart` and tells it as a page. */
import { join } from 'node:path';
import type { SoakOptions, SoakReport } from '../flags.ts';
import { type RestartResult, soakRestart } from '../restart.ts';
import { quantile, seconds, tableOf } from '../support/table.ts';
import { machine } from './machine.ts';

const ROUNDS = 40;
const LIMITS = { graceMs: 30_000, uploadTtlMs: 60_000 };

export async function runRestart({ folder, port, rounds, minutes, say }: SoakOptions): Promise<SoakReport> {
  const result = await soakRestart({
    home: join(folder, 'home'),
    port,
    rounds: rounds ?? (minutes === undefined ? ROUNDS : Number.POSITIVE_INFINITY),
    untilMs: minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000,
    limits: LIMITS,
    say,
  });
  return { page: pageOf(result), violations: result.violations };
}

function pageOf(result: RestartResult): string {
  const { kills, tallies, violations, recoveryMs, admittedAfterMs, collectedAfterMs, leftovers, auditEntries } = result;
  const total = [...tallies.values()].reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  const summary: [string, string | number][] = [
    ['kills: workerd alone', kills.workerd],
    ['kills: the standalone program alone', kills.standalone],
    ['kills: all processes at once', kills.group],
    ['operations acknowledged', total],
    ['violations', violations.length],
    ['start again until it serves, p50', seconds(quantile(recoveryMs, 0.5))],
    ['start again until it serves, longest', seconds(quantile(recoveryMs, 1))],
    ['admissions cut short were decided after', seconds(admittedAfterMs)],
    ['nothing left to collect after', seconds(collectedAfterMs)],
    ['objects in R2 = files in the registry', leftovers.objects],
    ['rows of the audit log, verified', auditEntries],
  ];
  const kinds = [...tallies].sort(([a], [b]) => a.localeCompare(b));
  return `# Soak: restart

Nine writers at once, the gateway killed with SIGKILL at random moments and started again on the same home. After every start and at
the end everything acknowledged was looked for over HTTP, and the files of D1 and R2 were searched for anything half-done.
\`npm run soak -- restart --record\`. ${machine()}

${tableOf(['', ''], summary)}

What no answer came for was looked for after the restart: it was made whole or not at all.

${tableOf(
  ['operation', 'acknowledged', 'refused', 'no answer'],
  kinds.map(([kind, { acknowledged, refused, inDoubt }]) => [kind, acknowledged, refused, inDoubt]),
)}

R2's imitation kept ${leftovers.emptyUploads} multi-part uploads that never got a part (cut off between R2 and the row that would have named them; R2
itself ends such after seven days) and ${leftovers.strayBlobs} files on disk that its own tables do not name (killed between the two).
`;
}
