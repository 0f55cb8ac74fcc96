/** Reads a directory of models, `<name>/<n>/model.onnx`, as it lies there: what can be served, and why the rest cannot. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ManifestInput, ModelName, VersionFile, VersionNumber } from '@lepton-edge/protocol';
import type { z } from 'zod';

/** One file of a version. */
interface FoundFile {
  /** Within the version's folder, with `/`. */
  path: string;
  sizeBytes: number;
  mtimeMs: number;
}

export interface FoundVersion {
  model: string;
  version: number;
  folder: string;
  format: 'onnx' | 'ort';
  /** The model's own first. */
  files: FoundFile[];
  manifest: z.output<typeof ManifestInput>;
}

/** What is there and cannot be served. */
interface FoundFault {
  name: string;
  /** Absent where it is the model as a whole. */
  version?: number;
  reason: string;
}

export interface FoundModels {
  /** By name and number. */
  versions: FoundVersion[];
  faults: FoundFault[];
}

const MODEL_FILES = { 'model.onnx': 'onnx', 'model.ort': 'ort' } as const;
const MANIFEST = 'manifest.json';
const MAX_FILES = 1024;
const MAX_DEPTH = 4;

/** @throws Error when the directory itself cannot be read */
export async function readModelDirectory(root: string): Promise<FoundModels> {
  const found: FoundModels = { versions: [], faults: [] };
  for (const name of await foldersIn(root)) {
    const parsed = ModelName.safeParse(name);
    if (!parsed.success) {
      found.faults.push({ name, reason: `no model can be named so: ${parsed.error.issues[0]?.message}` });
      continue;
    }
    await readModel(name, join(root, name), found);
  }
  return found;
}

async function readModel(model: string, folder: string, found: FoundModels): Promise<void> {
  try {
    // Other folders may be beside the versions.
    const numbers = (await foldersIn(folder)).flatMap((entry) => VersionNumber.safeParse(entry).data ?? []);
    if (numbers.length === 0) throw new Unservable('it has no version: expected a folder such as 1 in it');
    for (const version of numbers.sort((a, b) => a - b)) await readVersion(model, version, folder, found);
  } catch (error) {
    found.faults.push({ name: model, reason: reasonOf(error) });
  }
}

async function readVersion(model: string, version: number, parent: string, found: FoundModels): Promise<void> {
  const folder = join(parent, String(version));
  try {
    const files = await filesIn(folder);
    const own = files.filter(({ path }) => Object.hasOwn(MODEL_FILES, path));
    const [main] = own;
    if (!main) throw new Unservable('it has no model: expected model.onnx or model.ort in it');
    if (own.length > 1) throw new Unservable('it has two models: expected one of model.onnx and model.ort in it');
    const manifest = await readManifest(
      join(folder, MANIFEST),
      files.some(({ path }) => path === MANIFEST),
    );
    const format = MODEL_FILES[main.path as keyof typeof MODEL_FILES];
    if (manifest.format !== undefined && manifest.format !== format) {
      throw new Unservable(`its ${MANIFEST} states the format ${manifest.format}, its file is ${main.path}`);
    }
    const others = files.filter(({ path }) => path !== main.path && VersionFile.shape.path.safeParse(path).success);
    found.versions.push({ model, version, folder, format, files: [main, ...others], manifest });
  } catch (error) {
    found.faults.push({ name: model, version, reason: reasonOf(error) });
  }
}

async function readManifest(path: string, there: boolean): Promise<z.output<typeof ManifestInput>> {
  if (!there) return ManifestInput.parse({});
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Unservable(`its ${MANIFEST} is no JSON: ${reasonOf(error)}`);
  }
  const parsed = ManifestInput.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path: at, message }) => `${at.join('.') || 'it'}: ${message}`).join('; ');
  throw new Unservable(`its ${MANIFEST} is not as expected: ${faults}`);
}

/** Everything below the folder, links followed, names with a dot in front left out. */
async function filesIn(folder: string, below = '', depth = 1): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  for (const name of await visible(join(folder, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    const { size, mtimeMs, ...kind } = await infoOf(join(folder, path));
    if (kind.isFile) files.push({ path, sizeBytes: size, mtimeMs });
    else if (kind.isDirectory && depth < MAX_DEPTH) files.push(...(await filesIn(folder, path, depth + 1)));
    if (files.length > MAX_FILES) throw new Unservable(`it has more than ${MAX_FILES} files`);
  }
  return files;
}

async function foldersIn(folder: string): Promise<string[]> {
  const names = await visible(folder);
  const infos = await Promise.all(names.map((name) => infoOf(join(folder, name))));
  return names.filter((_, i) => infos[i]?.isDirectory);
}

async function visible(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
}

/** A link to nowhere is neither file nor folder. */
async function infoOf(path: string) {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ELOOP') return undefined;
    throw error;
  });
  return {
    size: info?.size ?? 0,
    mtimeMs: info?.mtimeMs ?? 0,
    isFile: info?.isFile() ?? false,
    isDirectory: info?.isDirectory() ?? false,
  };
}

class Unservable extends Error {}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined ? error.message : `it cannot be read (${code})`;
}
