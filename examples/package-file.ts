/** Finds and reads files that npm packages ship, wherever npm put them. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);

/** The path of a file in an installed package, exported or not. Throws when the package is not installed. */
export function packagePath(name: string, file: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = join(folder, name, file);
    if (existsSync(path)) return path;
  }
  throw new Error(`${name} has no file ${file} here: run npm install`);
}

export async function packageFile(name: string, file: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(packagePath(name, file)));
}

export async function packageJson(name: string, file: string): Promise<unknown> {
  return JSON.parse(await readFile(packagePath(name, file), 'utf8'));
}
