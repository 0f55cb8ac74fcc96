/** `npm start`: the whole gateway on this machine, until a signal. */
import { Failure } from './failure.ts';
import { formatCurl, formatRuns } from './report.ts';
import type { RunningGateway } from './start.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const complain = (line: string) => process.stderr.write(`${line}\n`);

/** @returns the exit status. */
async function main(): Promise<number> {
  const asked = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => asked.abort(new Error(`stopped by ${signal}`)));
  }
  try {
    // All that takes its time is loaded when the signals are already listened to: one without a listener kills.
    const { parseConfig, USAGE } = await import('./config.ts');
    const config = parseConfig(process.argv.slice(2));
    if (config.help) {
      say(USAGE);
      return 0;
    }
    const { startGateway } = await import('./start.ts');
    return await serve(await startGateway({ ...config, say, signal: asked.signal }));
  } catch (error) {
    if (asked.signal.aborted && error === asked.signal.reason) return 0;
    complain(tell(error));
    return 1;
  }
}

async function serve(gateway: RunningGateway): Promise<number> {
  const { url, adminKeyPath, runs } = gateway;
  if (runs.length > 0) say(`\n${formatRuns(runs).join('\n')}\n`);
  say(`ready ${url}`);
  say(`console    ${url}/`);
  say(`admin key  ${adminKeyPath}`);
  say(`try it     ${formatCurl(url, adminKeyPath, runs)}`);
  let status = 0;
  try {
    await gateway.ended;
  } catch (error) {
    complain(tell(error));
    status = 1;
  }
  await gateway.stop();
  return status;
}

function tell(error: unknown): string {
  if (error instanceof Failure) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// A terminal or pipe that goes away takes our output with it, not the gateway.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

// Sockets that clients keep open would hold the process.
process.exit(await main());
