/** Runs the soak `aliases` and tells it as a page. */
import { join } from 'node:path';
import { soakAliases } from '../aliases.ts';
import type { SoakOptions, SoakReport } from '../flags.ts';
import { quantile, seconds, tableOf } from '../support/table.ts';
import { machine } from './machine.ts';

const ROUNDS = 3;

export async function runAliases({ folder, port, rounds = ROUNDS, minutes, say }: SoakOptions): Promise<SoakReport> {
  const untilMs = minutes === undefined ? Number.POSITIVE_INFINITY : minutes * 60_000;
  const results = await soakAliases({ home: join(folder, 'home'), port, rounds, untilMs, say });
  const violations = results.flatMap((result) => result.violations);
  const sum = (of: (result: (typeof results)[number]) => number) => results.reduce((total, r) => total + of(r), 0);
  const table = tableOf(
    ['', ''],
    [
      ['rounds', results.length],
      ['versions made, 50 at once', sum(({ versions }) => versions)],
      [
        '50 versions took, p50',
        seconds(
          quantile(
            results.map(({ versionsMs }) => versionsMs),
            0.5,
          ),
        ),
      ],
      ['moves sent, by 200 movers at once', sum(({ moves }) => moves)],
      ['moves made', sum(({ made }) => made)],
      ['moves refused with revision_conflict', sum(({ moves, made }) => moves - made)],
      [
        'the moves of a round took, p50',
        seconds(
          quantile(
            results.map(({ movesMs }) => movesMs),
            0.5,
          ),
        ),
      ],
      ['instants asked about', sum(({ instants }) => instants)],
      ['violations', violations.length],
    ],
  );
  const page = `# Soak: aliases

In each round 50 uploads at once make versions of one model, which get exactly the numbers 1 to 50; 200 movers at once move four
aliases, each for the revision it knows (\`ifRevision\`), deciding anew up to seven times when it came too late; the histories then hold
exactly the moves that were acknowledged, in order; and every alias is asked what it was at each instant of its history, a
millisecond before and after.
\`npm run soak -- aliases --record\`. ${machine()}

${table}
`;
  return { page, violations };
}
