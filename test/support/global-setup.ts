/** Starts the real program once for all system tests, with the example models, and ends it after them. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findFreePort } from '../../standalone/src/preflight.ts';
import { startCollector } from './collector.ts';
import { Program } from './program.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `http://127.0.0.1:<port>` */
    gatewayUrl: string;
    adminKey: string;
    /** The gateway's home; its one gpu-node is `local-1`. */
    home: string;
    /** Gets the gateway's spans of traces that were sampled: `collector.ts`. */
    collectorUrl: string;
  }
}

const START_LIMIT_MS = 180_000;

/** @returns ends the gateway; throws when it ends badly. */
export async function setup({ provide }: Pick<TestProject, 'provide'>): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'lepton-system-'));
  const port = await findFreePort();
  const collector = await startCollector();
  // The colo's cache as on Cloudflare, where isolates share what they know.
  const vars = ['--var', 'COLO_CACHE=true', '--var', 'ACCESS_LOG=on'];
  const options = ['--port', String(port), '--home', home, ...vars];
  const program = Program.run(process.execPath, ['standalone/src/main.ts', ...options], {
    // A run that never ends is a test's, too.
    LEPTON_NODE_TRIAL_SECONDS: '6',
    LEPTON_NODE_ACCESS_LOG: 'on',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20collector%20secret',
    OTEL_TRACES_SAMPLER_ARG: '0',
  });
  const url = `http://127.0.0.1:${port}`;
  const limit = setTimeout(() => program.signalGroup('SIGKILL'), START_LIMIT_MS);
  try {
    await program.line(`ready ${url}`);
  } finally {
    clearTimeout(limit);
  }
  provide('gatewayUrl', url);
  provide('adminKey', (await readFile(join(home, 'admin.key'), 'utf8')).trim());
  provide('home', home);
  provide('collectorUrl', collector.url);
  return async () => {
    program.signal('SIGTERM');
    const { code } = await program.exited;
    collector.close();
    await program.destroy();
    await rm(home, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the gateway ended with status ${code}:\n${program.output}`);
  };
}
