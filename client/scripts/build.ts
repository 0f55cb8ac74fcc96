/** Bundles the command and the client into `dist`, a package of its own: plain JavaScript without dependencies. */
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const { name, version, description, license, type } = JSON.parse(await readFile(path('package.json'), 'utf8'));

await rm(path('dist'), { recursive: true, force: true });
await mkdir(path('dist'));
const shared: BuildOptions = {
  bundle: true,
  format: 'esm',
  target: ['node20', 'es2022'],
  legalComments: 'none',
  logLevel: 'warning',
};
await build({
  ...shared,
  entryPoints: [path('src/cli/main.ts')],
  outfile: path('dist/lepton.js'),
  platform: 'node',
});
await build({ ...shared, entryPoints: [path('src/index.ts')], outfile: path('dist/index.js'), platform: 'neutral' });
await chmod(path('dist/lepton.js'), 0o755);
const published = {
  name,
  version,
  description,
  license,
  type,
  engines: { node: '>=20' },
  bin: { lepton: './lepton.js' },
  exports: { '.': './index.js' },
};
await writeFile(path('dist/package.json'), `${JSON.stringify(published, null, 2)}\n`);
await copyFile(path('README.md'), path('dist/README.md'));
await copyFile(path('../LICENSE'), path('dist/LICENSE'));
