/** `npm run example -- NAME`: runs an example's client against a gateway, as an application would. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { GatewayError, LeptonClient } from '@lepton-edge/client';
import { type Example, examples, type RunOptions } from './index.ts';

const USAGE = `npm run example -- NAME|all [--url http://127.0.0.1:8787] [--key-file .lepton/admin.key] [--place edge|node]
names: ${examples.map(({ name }) => name).join(', ')}`;

const { chosen, url, keyFile, options } = readArguments();
const gateway = new LeptonClient({ baseUrl: url, key: await readKey() });
for (const example of chosen) {
  try {
    console.log(await report(example));
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    // No answer to one is no answer to any.
    if (error.status === 0) fail(`${error.message}: start a gateway with npm start, or say with --url where it is`, 1);
    console.error(`${example.name}: ${error.message}`);
    process.exitCode = 1;
  }
}

async function report(example: Example): Promise<string> {
  const start = performance.now();
  const { answer, last, calls } = await example.run(gateway, options);
  const took = `${calls} call${calls === 1 ? '' : 's'} in ${(performance.now() - start).toFixed(0)} ms`;
  return `${example.name}: ${answer}  [${last.placement}, cache ${last.cache}, ${took}]`;
}

function readArguments() {
  const { values, positionals } = parse();
  const { url, place, 'key-file': keyFile } = values;
  const [name, ...others] = positionals;
  const chosen = examples.filter((example) => name === 'all' || example.name === name);
  if (name === undefined || others.length > 0) fail(USAGE, 2);
  if (chosen.length === 0) fail(`expected the name of an example or "all", got "${name}"\n${USAGE}`, 2);
  if (place !== undefined && place !== 'edge' && place !== 'node') {
    fail(`--place: expected edge or node, got "${place}"\n${USAGE}`, 2);
  }
  const options: RunOptions = place === undefined ? {} : { place };
  return { chosen, url, keyFile, options };
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        url: { type: 'string', default: 'http://127.0.0.1:8787' },
        'key-file': { type: 'string', default: '.lepton/admin.key' },
        place: { type: 'string' },
      },
    });
  } catch (error) {
    return fail(`${(error as Error).message}\n${USAGE}`, 2);
  }
}

async function readKey(): Promise<string> {
  try {
    return (await readFile(keyFile, 'utf8')).trim();
  } catch (error) {
    return fail(`--key-file: expected a file with an API key, npm start makes one: ${(error as Error).message}`, 1);
  }
}

function fail(sentence: string, status: number): never {
  console.error(sentence);
  process.exit(status);
}
