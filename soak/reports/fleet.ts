/** Runs the soak `fleet` and tells it as a page. */
import type { SoakOptions, SoakReport } from '../flags.ts';
import { soakFleet } from '../fleet.ts';
import { seconds, tableOf } from '../support/table.ts';
import { machine } from './machine.ts';

const MINUTES = 10;
const MIB = 1024 * 1024;

export async function runFleet({ folder, port, minutes = MINUTES, say }: SoakOptions): Promise<SoakReport> {
  const { violations, tally, deliberate, swaps, loads, unloads, memory } = await soakFleet({
    folder,
    port,
    minutes,
    say,
  });
  const table = tableOf(
    ['', ''],
    [
      ['minutes', minutes],
      ['calls answered, each compared with the first answer', tally.answered],
      ['calls failed', [...tally.failed.values()].reduce((sum, count) => sum + count, 0)],
      ['bad calls, all refused with 400', deliberate],
      ['version swaps', swaps],
      ['models loaded', loads],
      ['models unloaded', unloads],
      ['slowest answer', seconds(tally.slowestMs)],
      ['violations', violations.length],
    ],
  );
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
  const growth = memory.growth().map(({ process, settledBytes, endBytes, mostBytes, byMinute }) => {
    const minutes = byMinute.map((bytes) => (bytes / MIB).toFixed(0)).join(' ');
    return [process, mib(settledBytes), mib(endBytes), (endBytes / settledBytes).toFixed(2), mib(mostBytes), minutes];
  });
  const page = `# Soak: fleet

Six real models in two versions each, on two nodes that keep three models loaded each. Eight callers repeat what the examples' clients ask,
without repeating a call that failed, while every three seconds the alias of one model moves to its other version; one more caller sends
what no model takes. \`npm run soak -- fleet --record\`. ${machine()}

${table}

Resident memory, as the median of a minute:

${tableOf(['process', 'third minute', 'last minute', 'ratio', 'most', 'minute by minute, MiB'], growth)}

${violations.length === 0 ? 'Nothing was violated.' : `Violated:\n\n${violations.map((violation) => `- ${violation}`).join('\n')}`}
`;
  return { page, violations };
}
