/**
 * autocannon in a process of its own, by its API: its command reads a body as text, and tensors are bytes. The argument is a `CannonCall`
 * in JSON; what it answers is printed in JSON.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../test/support/program.ts';

export interface CannonCall {
  url: string;
  headers: Record<string, string>;
  /** The file with the body. */
  body: string;
  callers: number;
  seconds: number;
  timeoutSeconds: number;
}

const { url, headers, body, callers, seconds, timeoutSeconds }: CannonCall = JSON.parse(process.argv[2] ?? '');
// It is installed beside the bench, not with the project.
const { default: autocannon } = await import(join(ROOT, 'bench/peers/node_modules/autocannon/autocannon.js'));
const result = await autocannon({
  url,
  method: 'POST',
  headers,
  body: await readFile(body),
  connections: callers,
  duration: seconds,
  timeout: timeoutSeconds,
});
process.stdout.write(JSON.stringify(result));
