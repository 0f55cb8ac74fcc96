/** `lepton push`: uploads files, makes a version of them, and waits until it is admitted. */
import { readFile } from 'node:fs/promises';
import { basename, relative, resolve, sep } from 'node:path';
import { type Alias, CreateVersionInput, ManifestInput, type Version } from '@lepton-edge/protocol';
import type { LeptonClient } from '../../client.ts';
import { GatewayError } from '../../errors.ts';
import { uploadFile } from '../../upload-file.ts';
import type { Answer, Command, Context, Input } from '../command.ts';
import { Failure, UsageError } from '../failure.ts';
import { type OpenFile, openFile } from '../file-source.ts';
import { bytesText } from '../text.ts';
import { movedText } from './alias.ts';
import { versionText } from './version-report.ts';

interface PushFile {
  /** Where it is here. */
  local: string;
  /** Where it is in the version. */
  path: string;
}

interface Pushed {
  path: string;
  digest: string;
  sizeBytes: number;
  sentBytes: number;
}

const push: Command = {
  words: 'push',
  summary: "upload files as a model's next version",
  about:
    'Files go up in parallel parts. What the gateway has already is not sent again: the same command resumes after a break.',
  args: ['FILE…'],
  options: {
    model: { type: 'string', value: 'NAME', help: 'the model', required: true },
    manifest: { type: 'string', value: 'FILE', help: 'the manifest as JSON' },
    alias: { type: 'string', value: 'ALIAS', help: 'points this alias to the version once it is ready' },
    reason: { type: 'string', value: 'TEXT', help: 'why the alias moves; default: that it was pushed' },
    create: { type: 'boolean', help: 'makes the model if there is none' },
    'path-root': {
      type: 'string',
      value: 'DIR',
      help: 'paths in the version are relative to it; default: file names only',
    },
    parallel: { type: 'string', value: 'N', help: 'parts in flight at a time; default: 4' },
    'no-wait': { type: 'boolean', help: 'ends when the version is made, before it is admitted' },
  },
  examples: [
    'push digits.onnx --model digits --create --alias staging',
    'push out/model.onnx out/vocab.txt --path-root out --manifest manifest.json --model sentences',
  ],
  run: runPush,
};

export const PUSH_COMMANDS = [push];

async function runPush(context: Context, input: Input): Promise<Answer> {
  const model = input.needed('model');
  const alias = input.text('alias');
  if (alias !== undefined && input.flag('no-wait')) {
    throw new UsageError('--alias needs the version to be ready, so it cannot stand with --no-wait');
  }
  const parallel = input.whole('parallel', 1);
  const manifest = await readManifest(input.text('manifest'));
  const files = pushFiles(input.args, input.text('path-root'));
  const opened = await openAll(files);
  try {
    const client = await context.client();
    await requireModel(client, model, manifest, input.flag('create'), context);
    const stored: Pushed[] = [];
    for (const { path, source } of opened) stored.push(await pushOne(client, path, source, parallel, context));
    const made = await client.versions.create(
      model,
      { files: stored.map(({ path, digest }) => ({ path, digest })), manifest },
      { signal: context.signal, idempotencyKey: crypto.randomUUID() },
    );
    context.note(`made ${model}@${made.version}`);
    if (input.flag('no-wait')) return answerOf(made, stored);
    const version = await waitReady(client, made, context);
    if (alias === undefined) return answerOf(version, stored);
    const reason = input.text('reason') ?? `pushed ${model}@${version.version}`;
    const targets = [{ version: version.version, weight: 1 }];
    const moved = await client.aliases.put(model, alias, { targets, reason }, { signal: context.signal });
    return answerOf(version, stored, moved);
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new Failure('stopped', { code: 'stopped', hint: 'the same command goes on where this one stopped' });
  } finally {
    context.progress.clear();
    await Promise.all(opened.map(({ source }) => source.close()));
  }
}

/**
 * Where each file goes in the version: its path from `root`, or its name.
 * @throws UsageError for a file outside `root`, and for two at one path
 */
export function pushFiles(locals: readonly string[], root: string | undefined): PushFile[] {
  const files = locals.map((local) => {
    if (root === undefined) return { local, path: basename(local) };
    const path = relative(resolve(root), resolve(local)).split(sep).join('/');
    if (path === '' || path.startsWith('../') || resolve(root, path) !== resolve(local)) {
      throw new UsageError(`${local} is not under --path-root ${root}`);
    }
    return { local, path };
  });
  const checked = CreateVersionInput.shape.files.safeParse(
    files.map(({ path }) => ({ path, digest: `sha256:${'0'.repeat(64)}` })),
  );
  if (!checked.success) {
    const [issue] = checked.error.issues;
    const file = files[Number(issue?.path[0])];
    const hint = file ? undefined : 'files of one name in several folders need --path-root';
    throw new UsageError(`${file?.path ?? 'the list of files'}: ${issue?.message}`, hint);
  }
  return files;
}

/** Checked here, so that a mistake in it shows before anything is sent. */
async function readManifest(path: string | undefined): Promise<ManifestInput> {
  if (path === undefined) return {};
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new UsageError(`--manifest: ${cause.message}`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Failure(`${path} is not JSON: ${(cause as Error).message}`, { code: 'invalid_json' });
  }
  const parsed = ManifestInput.safeParse(value);
  if (parsed.success) return value as ManifestInput;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'manifest'}: ${issue.message}`);
  throw new Failure(`${path} is no manifest: ${problems.join('; ')}`, { code: 'invalid_request' });
}

async function openAll(files: readonly PushFile[]): Promise<{ path: string; source: OpenFile }[]> {
  const opened: { path: string; source: OpenFile }[] = [];
  try {
    for (const { local, path } of files) opened.push({ path, source: await openFile(local) });
    return opened;
  } catch (error) {
    await Promise.all(opened.map(({ source }) => source.close()));
    throw error;
  }
}

/** Looks first, so that nothing is sent for a model that is not there. */
async function requireModel(
  client: LeptonClient,
  name: string,
  manifest: ManifestInput,
  create: boolean,
  { signal, note }: Context,
): Promise<void> {
  try {
    await client.models.get(name, { signal });
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'model_not_found') throw error;
    if (!create) {
      throw new Failure(error.message, { code: error.code, hint: '--create makes the model', cause: error });
    }
    const task = manifest.task === undefined ? {} : { task: manifest.task };
    await client.models.create({ name, ...task }, { signal, idempotencyKey: crypto.randomUUID() });
    note(`made model ${name}`);
  }
}

async function pushOne(
  client: LeptonClient,
  path: string,
  source: OpenFile,
  parallel: number | undefined,
  { progress, note, signal }: Context,
): Promise<Pushed> {
  const { digest, sizeBytes, sentBytes } = await uploadFile(client, source, {
    parallel,
    signal,
    onProgress: ({ phase, doneBytes, totalBytes }) => {
      if (phase === 'done') progress.clear();
      else if (phase === 'verifying') progress.waiting(`${path}  the gateway checks ${bytesText(totalBytes)}`);
      else progress.bytes(`${path}  ${phase}`, doneBytes, totalBytes);
    },
  });
  const how =
    sentBytes === 0 ? 'stored already' : sentBytes < sizeBytes ? `resumed: ${bytesText(sentBytes)} sent` : 'sent';
  note(`${path}  ${bytesText(sizeBytes)}  ${how}`);
  return { path, digest, sizeBytes, sentBytes };
}

async function waitReady(client: LeptonClient, { model, version }: Version, context: Context): Promise<Version> {
  try {
    return await client.versions.waitReady(model, version, {
      signal: context.signal,
      onPoll: () => context.progress.waiting(`${model}@${version} is being tried`),
    });
  } finally {
    context.progress.clear();
  }
}

function answerOf(version: Version, files: readonly Pushed[], alias?: Alias): Answer {
  const text = alias ? `${versionText(version)}\n\n${movedText(alias)}` : versionText(version);
  return { json: { version, files, ...(alias ? { alias } : {}) }, text };
}
