/** `npm run test:operators`: ONNX's own operator tests over HTTP against the real gateway, at the edge and on a node. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordMeasurement } from '../../soak/reports/record.ts';
import { SoakGateway } from '../../soak/support/gateway.ts';
import { findFreePort } from '../../standalone/src/preflight.ts';
import { nativeBaseline, wasmBaseline } from './baseline.ts';
import { hasCases, readCases } from './cases.ts';
import { HOW_TO_GET_DATA, type OperatorFlags, readOperatorFlags } from './flags.ts';
import { changesBetween, failuresOf, readKnownFailures, writeKnownFailures } from './known-failures.ts';
import { pageOf } from './page.ts';
import { runSuite, type SuiteRun } from './run-suite.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
process.exitCode = await main(readOperatorFlags(process.argv.slice(2)));

async function main(flags: OperatorFlags): Promise<number> {
  if (!hasCases(flags.data)) {
    say(`${flags.data} has no operator tests.\n\n${HOW_TO_GET_DATA}`);
    return 1;
  }
  const run = await runOnGateway(flags);
  const known = await readKnownFailures();
  const found = failuresOf(run.results);
  const names = new Set([...run.results.map(({ name }) => name), ...(flags.only === '' ? Object.keys(known) : [])]);
  const { fails, passes } = changesBetween(known, found, [...names]);
  const page = pageOf(run);
  say(`\n${page}`);
  for (const line of fails) say(flags.record ? `added: ${line}` : `fails, and is not listed: ${line}`);
  for (const line of passes) say(flags.record ? `removed: ${line}` : `passes now, and is listed: ${line}`);
  if (flags.record) {
    await writeKnownFailures(found);
    await recordMeasurement('operators', page);
    return 0;
  }
  return fails.length + passes.length === 0 ? 0 : 1;
}

async function runOnGateway({ data, only }: OperatorFlags): Promise<SuiteRun> {
  const cases = readCases(data).filter(({ name }) => name.includes(only));
  const baselines = { edge: await wasmBaseline(), node: await nativeBaseline() };
  const home = await mkdtemp(join(tmpdir(), 'lepton-operators-'));
  const vars = { MAX_ADMITTING_PER_TEAM: String(cases.length + 1) };
  const gateway = new SoakGateway({ home, port: await findFreePort(), nodes: 1, vars });
  try {
    await gateway.start();
    say(`ready ${gateway.url}: ${cases.length} cases`);
    const server = { url: gateway.url, key: gateway.key };
    const run = await runSuite(server, gateway.client(), cases, baselines, say);
    await gateway.stop();
    return run;
  } finally {
    await gateway.destroy();
    await rm(home, { recursive: true, force: true });
  }
}
