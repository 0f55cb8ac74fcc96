/** Runs the soak `upload` for each size, as V8 is and with garbage collected at once, and tells it as a page. */
import { join } from 'node:path';
import type { SoakOptions, SoakReport } from '../flags.ts';
import { seconds, tableOf } from '../support/table.ts';
import { PHASES, soakUpload, type UploadResult } from '../upload.ts';
import { machine } from './machine.ts';

const MIB = 1024 * 1024;
const SETTLE_MS = 8_000;
const V8 = {
  'as it is': {},
  'collecting at once': { MINIFLARE_WORKERD_V8_FLAGS: '--gc-global --max-semi-space-size=1' },
};

export async function runUpload({ folder, port, sizesMib, say }: SoakOptions): Promise<SoakReport> {
  const rows: { v8: string; result: UploadResult }[] = [];
  for (const [v8, env] of Object.entries(V8)) {
    for (const sizeMib of sizesMib) {
      say(`V8 ${v8}, ${sizeMib} MiB`);
      const result = await soakUpload({ folder: join(folder, 'one'), port, sizeMib, env, settleMs: SETTLE_MS, say });
      rows.push({ v8, result });
    }
  }
  return { page: pageOf(rows), violations: rows.flatMap(({ result }) => result.violations) };
}

const mib = (bytes: number) => Math.round(bytes / MIB);

function pageOf(rows: { v8: string; result: UploadResult }[]): string {
  const pushes = rows.map(
    ({ v8, result: { sizeBytes, keptBytes, resentBytes, pushMs, firstAnswerMs, violations } }) => [
      mib(sizeBytes),
      v8,
      mib(keptBytes),
      mib(resentBytes),
      seconds(pushMs),
      seconds(firstAnswerMs),
      violations.length,
    ],
  );
  const memory = rows.map(({ v8, result }) => [
    mib(result.sizeBytes),
    v8,
    ...PHASES.map((phase) => mib(result.resident[phase])),
  ]);
  const waits = rows.map(({ v8, result }) => [
    mib(result.sizeBytes),
    v8,
    ...PHASES.map((phase) => seconds(result.healthMs[phase])),
  ]);
  return `# Soak: upload

\`lepton push\` of a model with that many MiB of external data, four parts at a time: killed with SIGKILL about half-way and started
again. It sent what the gateway had not received and nothing else; the digest was verified, 24 ranges at random places read back
equal, the version was admitted on the node, is ready, and answered eight rows of its table there.
\`npm run soak -- upload --sizes 256,1024,3072 --record\`. ${machine()}

${tableOf(['MiB', 'V8', 'received at the kill', 'sent by the second', 'second push until ready', 'first answer, with loading', 'violations'], pushes)}

Resident memory of workerd in MiB, the most in each phase of both pushes (verifying is the digest over what is stored), and at last:

${tableOf(['MiB', 'V8', ...PHASES], memory)}

Miniflare's imitation of R2 lives in the same process and leaves garbage that V8 collects late, so the upper rows show what lies
about, and the lower ones (\`MINIFLARE_WORKERD_V8_FLAGS="--gc-global --max-semi-space-size=1"\`) what is really held.

The longest wait for an answer of \`/v2/health/live\`, asked for ten times a second all the while:

${tableOf(['MiB', 'V8', ...PHASES], waits)}
`;
}
