/** Requests per second of one HTTP call, counted by wrk where it is installed, else by autocannon. */
import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { ROOT } from '../test/support/program.ts';
import type { CannonCall } from './cannon.ts';
import { PEERS } from './peers.ts';
import type { Call } from './raw-connection.ts';

const run = promisify(execFile);

/** A slow answer is one, too. */
const TIMEOUT_S = 30;

export interface HttpLoad {
  /** With its version. */
  name: string;
  /** @throws Error when an answer was none, or not of status 200 to 399 */
  perSecond(url: string, call: Call, callers: number, ms: number): Promise<number>;
}

/** As bench/wrk.lua prints it. */
const WrkResult = z.object({ requests: z.number(), durationUs: z.number(), errors: z.number() });
/** As autocannon answers. */
const CannonResult = z.looseObject({
  requests: z.looseObject({ average: z.number() }),
  errors: z.number(),
  non2xx: z.number(),
});

/** @param folder gets the bodies that are sent */
export function httpLoad(folder: string): HttpLoad {
  const { stdout = '' } = spawnSync('wrk', ['-v'], { encoding: 'utf8' });
  const version = /^wrk \S+/.exec(stdout ?? '')?.[0];
  const name = version ?? `autocannon ${PEERS.autocannon}`;
  const perSecond = version === undefined ? cannonPerSecond : wrkPerSecond;
  return {
    name,
    async perSecond(url, call, callers, ms) {
      const body = join(folder, 'body');
      await writeFile(body, call.body);
      return await perSecond(url, call, body, callers, ms);
    },
  };
}

async function wrkPerSecond(url: string, { path, headers }: Call, body: string, callers: number, ms: number) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const fields = Object.entries(headers).map(([name, value]) => `${name}=${value}`);
  const length = ['-d', `${seconds}s`, '--timeout', `${TIMEOUT_S}s`];
  const fixed = ['-t', '1', '-c', String(callers), ...length, '-s', join(ROOT, 'bench/wrk.lua')];
  const { stdout } = await run('wrk', [...fixed, `${url}${path}`, '--', body, ...fields]);
  const result = WrkResult.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  if (result.errors > 0) throw new Error(`${url}${path}: ${result.errors} of ${result.requests} answers were errors`);
  return (result.requests * 1e6) / result.durationUs;
}

async function cannonPerSecond(url: string, { path, headers }: Call, body: string, callers: number, ms: number) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const call: CannonCall = { url: `${url}${path}`, headers, body, callers, seconds, timeoutSeconds: TIMEOUT_S };
  const { stdout } = await run(process.execPath, [join(ROOT, 'bench/cannon.ts'), JSON.stringify(call)]);
  const result = CannonResult.parse(JSON.parse(stdout));
  const errors = result.errors + result.non2xx;
  if (errors > 0) throw new Error(`${url}${path}: ${errors} answers were errors`);
  return result.requests.average;
}
