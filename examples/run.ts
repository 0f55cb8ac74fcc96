/** `npm run example -- NAME`: runs an example's client against a gateway, as an application would. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { LeptonClient } from '@lepton-edge/client';
import { examples } from './index.ts';

const USAGE = `npm run example -- NAME|all [--url http://127.0.0.1:8787] [--key-file .lepton/admin.key] [--place edge|node]
names: ${examples.map(({ name }) => name).join(', ')}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8787' },
    'key-file': { type: 'string', default: '.lepton/admin.key' },
    place: { type: 'string' },
  },
});
const [name] = positionals;
const chosen = examples.filter((example) => name === 'all' || example.name === name);
const { place } = values;
if (chosen.length === 0 || (place !== undefined && place !== 'edge' && place !== 'node')) {
  console.error(USAGE);
  process.exit(2);
}
const key = (await readFile(values['key-file'], 'utf8')).trim();
const gateway = new LeptonClient({ baseUrl: values.url, key });
for (const example of chosen) {
  const start = performance.now();
  const { answer, last, calls } = await example.run(gateway, place ? { place } : {});
  const took = `${calls} call${calls === 1 ? '' : 's'} in ${(performance.now() - start).toFixed(0)} ms`;
  console.log(`${example.name}: ${answer}  [${last.placement}, cache ${last.cache}, ${took}]`);
}
