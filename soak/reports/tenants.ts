/** Runs the soak `tenants` and tells it as a page. */
import { join } from 'node:path';
import type { SoakOptions, SoakReport } from '../flags.ts';
import { quantile, tableOf } from '../support/table.ts';
import { PROBES, soakTenants } from '../tenants.ts';
import { machine } from './machine.ts';

const PAIRS = 1_000;

export async function runTenants({ folder, port, rounds: pairs = PAIRS, say }: SoakOptions): Promise<SoakReport> {
  const { violations, latencies, spreadMs } = await soakTenants({ home: join(folder, 'home'), port, pairs, say });
  const usual = quantile(latencies.new, 0.5);
  const rows = PROBES.map((probe) => {
    const at = (share: number) => quantile(latencies[probe], share);
    return [probe, ...[0.25, 0.5, 0.75].map((share) => at(share).toFixed(3)), (at(0.5) - usual).toFixed(3)];
  });
  const page = `# Soak: tenants

Two teams may use one public model, whose answers are cached. After each call of the one team the other sends an input: the very same,
one that nobody has sent, another such one for a control, and at last one of its own of before; the first three in random order, ${pairs}
times. The answers to the first two have the same statuses and headers, but for those that differ from call to call (a request's id, the
date, times, what is left of a quota), and name the same phases. Their times are compared by the medians: these may lie no farther apart than those of
the farthest of 200 random halvings of the control's do. An answer that is known must be told from a new one by the same measure.
\`npm run soak -- tenants --record\`. ${machine()}

${tableOf(['the input was', 'p25 ms', 'p50 ms', 'p75 ms', 'p50 less that of new'], rows)}

The control's halves lay up to ${spreadMs.toFixed(3)} ms apart.

${violations.length === 0 ? 'Nothing was violated.' : `Violated:\n\n${violations.map((violation) => `- ${violation}`).join('\n')}`}
`;
  return { page, violations };
}
