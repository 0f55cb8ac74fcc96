/** The command `lepton-gpu-node`: settings in, a node up, signals and exit codes. */
import pino from 'pino';
import { readConfig } from './config.ts';
import { MembershipError } from './fleet/membership.ts';
import { startNode } from './node.ts';
import type { RunningNode } from './node-parts.ts';

/** The exit code of a stop that took longer than it may: requests were cut off. */
const CUT_OFF = 3;

const result = readConfig();
if (result.kind === 'text') {
  process.stdout.write(`${result.text}\n`);
} else if (result.kind === 'invalid') {
  process.stderr.write(`lepton-gpu-node cannot start:\n${result.problems.map((line) => `  ${line}\n`).join('')}`);
  process.exitCode = result.exitCode;
} else {
  const log = pino({ level: result.config.logLevel, base: { node: result.config.name } });
  let node: RunningNode | undefined;
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    if (node) void end(node);
    else process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    node = await startNode(result.config, log);
    await node.ended;
  } catch (error) {
    if (error instanceof MembershipError) log.fatal(error.message);
    else log.fatal({ err: error }, `the node cannot go on: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}

async function end(node: RunningNode): Promise<void> {
  const { finished, exitable } = await node.stop();
  const code = finished ? 0 : CUT_OFF;
  if (exitable) process.exit(code);
  // What follows is no exit that Node sees, and engines end their processes at one.
  process.emit('exit', code);
  // A run that is still on cannot be interrupted: exit() would wait for it and then abort. Replacing the process ends it.
  if (process.platform !== 'win32')
    process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {});
  process.kill(process.pid, 'SIGKILL');
}
