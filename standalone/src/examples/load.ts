/** Puts the example models into the gateway: whatever of each is not there yet, so that a cut first start goes on. */
import { openAsBlob } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FileSource, GatewayError, type LeptonClient, sourceOf, uploadFile } from '@lepton-edge/client';
import type { Example } from '@lepton-edge/examples';
import type { Version } from '@lepton-edge/protocol';
import { Failure, sentenceOf } from '../failure.ts';

const ALIAS = 'production';
const ADMISSION_POLL_MS = 100;
const ADMISSION_LIMIT_MS = 60_000;

export interface Loader {
  client: LeptonClient;
  /** Makes the model's file, or finds it made, and gives its path. */
  build: (example: Example) => Promise<string>;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** One after the other: on a small machine two conversions at once take no less time and twice the memory. */
export async function loadExamples(examples: readonly Example[], loader: Loader): Promise<void> {
  for (const [i, example] of examples.entries()) {
    loader.signal.throwIfAborted();
    try {
      await loadExample(example, loader, `${i + 1} of ${examples.length}`);
    } catch (cause) {
      throw new Failure(`loading the example ${example.name} failed: ${sentenceOf(cause)}`, { cause });
    }
  }
}

async function loadExample(example: Example, loader: Loader, which: string): Promise<void> {
  const { client, say } = loader;
  if (await orUndefined(client.aliases.get(example.name, ALIAS))) return;
  say(`loading ${example.name} (${which})`);
  if (!(await orUndefined(client.models.get(example.name)))) await client.models.create(example.model);
  const version = (await storedVersion(client, example.name)) ?? (await upload(example, loader));
  await admitted(version, loader);
  await client.aliases.put(example.name, ALIAS, {
    targets: [{ version: version.version, weight: 1 }],
    reason: 'loaded as an example',
  });
}

async function storedVersion(client: LeptonClient, model: string): Promise<Version | undefined> {
  const { items } = await client.versions.list(model);
  return items.find((version) => version.state === 'ready' || version.state === 'admitting');
}

async function upload(example: Example, { client, build, signal }: Loader): Promise<Version> {
  const model = await openAsBlob(await build(example));
  if (!example.files) return client.versions.upload(example.name, model, example.manifest, { signal });
  const sources: FileSource[] = [sourceOf(model, 'model.onnx')];
  for (const [path, make] of Object.entries(example.files)) sources.push(sourceOf(new Blob([await make()]), path));
  const files: { path: string; digest: string }[] = [];
  for (const source of sources) {
    const { digest } = await uploadFile(client, source, { signal });
    files.push({ path: source.name, digest });
  }
  return client.versions.create(example.name, { files, manifest: example.manifest }, { signal });
}

async function admitted(version: Version, { client, signal }: Loader): Promise<void> {
  const deadline = performance.now() + ADMISSION_LIMIT_MS;
  let current = version;
  while (current.state === 'admitting') {
    if (performance.now() > deadline) throw new Failure(`${version.model}@${version.version} is still being admitted`);
    await sleep(ADMISSION_POLL_MS, undefined, { signal });
    current = await client.versions.get(version.model, version.version);
  }
  if (current.state === 'ready') return;
  throw new Failure(
    `${version.model}@${version.version} was ${current.state}: ${current.reason ?? 'no reason was given'}`,
  );
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof GatewayError && error.status === 404) return undefined;
    throw error;
  }
}
