#!/usr/bin/env node
/** The command `lepton`. */
import { readEnvironment } from './config.ts';
import { EXIT_STOPPED } from './failure.ts';
import { run } from './run.ts';

/** Long enough for a command to end by itself and say how to go on. */
const STOP_MS = 2_000;

const stop = new AbortController();
process.on('SIGINT', () => {
  if (stop.signal.aborted) process.exit(EXIT_STOPPED);
  stop.abort();
  setTimeout(() => process.exit(EXIT_STOPPED), STOP_MS).unref();
});
// `lepton models list | head` closes the pipe: there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await run(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: readEnvironment(),
  signal: stop.signal,
});
