/** Bundles the node into `dist`, a package of its own: plain JavaScript, with what is native or has threads of its own as dependencies. */
import { copyFile, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const SRC = path('src');
const OWN = '@lepton-edge/';
/** How the sources name a program for a thread or a process; all of them become files beside each other. */
const PROGRAM = /new URL\('(\.[^']+)\.ts', import\.meta\.url\)/g;

const manifest = await manifestOf('gpu-node');
const dependencies = { ...manifest.dependencies };
for (const name of ['protocol', 'text']) Object.assign(dependencies, (await manifestOf(name)).dependencies);
for (const name of Object.keys(dependencies)) if (name.startsWith(OWN)) delete dependencies[name];

await rm(path('dist'), { recursive: true, force: true });
await mkdir(path('dist/bin'), { recursive: true });
await build({
  entryPoints: Object.fromEntries((await programs()).map((file) => [nameOf(file), file])),
  outdir: path('dist'),
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: Object.keys(dependencies),
  plugins: [programsBesideEachOther()],
  legalComments: 'none',
  logLevel: 'warning',
});
const start = await readFile(path('bin/lepton-gpu-node.js'), 'utf8');
await writeFile(path('dist/bin/lepton-gpu-node.js'), start.replace('../src/main.ts', '../main.js'), { mode: 0o755 });
const { name, version, description, license, type, bin } = manifest;
const engines = { node: '>=24' };
const published = { name, version, description, license, type, engines, bin, dependencies: sorted(dependencies) };
await writeFile(path('dist/package.json'), `${JSON.stringify(published, null, 2)}\n`);
await copyFile(path('README.md'), path('dist/README.md'));
await copyFile(path('../LICENSE'), path('dist/LICENSE'));

async function manifestOf(workspace: string) {
  return JSON.parse(await readFile(path(`../${workspace}/package.json`), 'utf8'));
}

/** The program itself, and every one that a source starts. */
async function programs(): Promise<string[]> {
  const files = new Set([join(SRC, 'main.ts')]);
  for await (const file of glob('**/*.ts', {
    cwd: SRC,
    exclude: (name) => /\.test\.ts$|^testing$/.test(String(name)),
  })) {
    const text = await readFile(join(SRC, file), 'utf8');
    for (const [, target] of text.matchAll(PROGRAM)) files.add(join(SRC, dirname(file), `${target}.ts`));
  }
  return [...files];
}

function nameOf(file: string): string {
  return relative(SRC, file).replace(/\.ts$/, '').replaceAll(sep, '-');
}

function programsBesideEachOther(): Plugin {
  return {
    name: 'programs beside each other',
    setup({ onLoad }) {
      onLoad({ filter: /gpu-node[\\/]src[\\/].*\.ts$/ }, async ({ path: file }) => {
        const text = await readFile(file, 'utf8');
        const named = (_all: string, target: string) =>
          `new URL('./${nameOf(join(dirname(file), `${target}.ts`))}.js', import.meta.url)`;
        return { contents: text.replace(PROGRAM, named), loader: 'ts' };
      });
    },
  };
}

function sorted(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
