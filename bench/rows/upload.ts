/** How much more workerd holds during an upload than at rest; `npm run soak -- upload` tells more, and of larger files. */
import { join } from 'node:path';
import { PHASES, soakUpload } from '../../soak/upload.ts';
import { findFreePort } from '../../standalone/src/preflight.ts';
import type { Subject } from '../bench.ts';

const MIB = 1024 * 1024;
const SIZE_MIB = 256;
const SETTLE_MS = 4_000;
/** Miniflare's imitation of R2 is in the same process and leaves garbage that V8 would collect late: what counts is what is held. */
const COLLECTING = { MINIFLARE_WORKERD_V8_FLAGS: '--gc-global --max-semi-space-size=1' };

export const upload: Subject = async (bench) => {
  const { resident, violations } = await soakUpload({
    folder: join(bench.folder, 'upload'),
    port: await findFreePort(),
    sizeMib: SIZE_MIB,
    env: COLLECTING,
    settleMs: SETTLE_MS,
    say: bench.say,
  });
  if (violations.length > 0) throw new Error(violations.join('; '));
  const growth = Math.max(...PHASES.map((phase) => resident[phase])) - resident.idle;
  return [
    {
      id: 'upload-memory',
      what: `workerd's memory during an upload of ${SIZE_MIB} MiB, over that at rest`,
      unit: 'MiB',
      target: { atMost: 64 },
      ratios: [growth / MIB],
      samples: Object.fromEntries(PHASES.map((phase) => [`${phase}MiB`, [resident[phase] / MIB]])),
    },
  ];
};
