/** A directory of models, and a node in this process that serves it alone; everything goes at the end of the test. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Config, readConfig } from '../config.ts';
import type { RunningNode } from '../node-parts.ts';
import { startTestNode } from './node-fixture.ts';

/** By path within the directory. */
export type ModelFiles = Record<string, string | Uint8Array>;

export interface LoneFixture {
  root: string;
  node: RunningNode;
  logged: string[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  post(path: string, body?: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>;
  /** Resolves once what is to be there from the start is. */
  ready(): Promise<void>;
}

export async function writeModels(files: ModelFiles): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'models-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await addFiles(root, files);
  return root;
}

export async function addFiles(root: string, files: ModelFiles): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

export async function loneNode(files: ModelFiles, ...flags: string[]): Promise<LoneFixture> {
  const root = await writeModels(files);
  const logged: string[] = [];
  const node = await startTestNode(loneConfig(root, ...flags), logged);
  const get = (path: string, headers = {}) => fetch(`${node.url}${path}`, { headers });
  return {
    root,
    node,
    logged,
    get,
    post: (path, body, headers = {}) =>
      fetch(`${node.url}${path}`, { method: 'POST', headers, ...(body === undefined ? {} : { body }) }),
    async ready() {
      while ((await get('/v2/health/ready')).status !== 200) await new Promise((resolve) => setTimeout(resolve, 20));
    },
  };
}

export function loneConfig(root: string, ...flags: string[]): Config {
  const quiet = ['--metrics-address', '127.0.0.1:0', '--log-level', 'debug', '--webgpu', 'off'];
  const fixed = ['--name', 'test', '--port', '0', ...quiet];
  const result = readConfig(['--model-repository', root, ...fixed, ...flags], {});
  if (result.kind !== 'config') throw new Error(JSON.stringify(result));
  return result.config;
}
