/**
 * Writes wrangler.toml as Miniflare's options, run as a child at build time: wrangler itself takes over a second to
 * load, which every start would pay.
 */
import { writeFile } from 'node:fs/promises';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';

const [config, output] = process.argv.slice(2);
if (!config || !output) throw new Error('expected the paths of wrangler.toml and of the file to write');
const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
await writeFile(output, JSON.stringify(workerOptions, null, 2));
