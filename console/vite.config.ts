/** Builds the console, and beside it the API reference as plain files under docs/. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const SWAGGER_FILES = ['swagger-ui.css', 'swagger-ui-bundle.js'];
const OWN_FILES = ['index.html', 'start.js', 'docs.css'];

/** The reference is not a part of the application: it loads in its own page, and only when asked for. */
function apiReference(): Plugin {
  const require = createRequire(import.meta.url);
  const paths = new Map<string, string>([
    ...SWAGGER_FILES.map((name): [string, string] => [name, require.resolve(`swagger-ui-dist/${name}`)]),
    ...OWN_FILES.map((name): [string, string] => [name, fileURLToPath(new URL(`docs/${name}`, import.meta.url))]),
  ]);
  return {
    name: 'api-reference',
    apply: 'build',
    async generateBundle() {
      for (const [name, path] of paths) {
        this.emitFile({ type: 'asset', fileName: `docs/${name}`, source: await readFile(path) });
      }
    },
  };
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react(), apiReference()],
  build: { chunkSizeWarningLimit: 900 },
});
