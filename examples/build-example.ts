/** Makes an example's file once and keeps it. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Example } from './example.ts';

/** The path of `<dir>/<name>.onnx`, made when it is not there. A file that is there is whole: it is renamed into place. */
export async function buildExample(example: Example, dir: string): Promise<string> {
  const path = join(dir, `${example.name}.onnx`);
  if (existsSync(path)) return path;
  await mkdir(dir, { recursive: true });
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, await example.build());
  await rename(temporary, path);
  return path;
}
