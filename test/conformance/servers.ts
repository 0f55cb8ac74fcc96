/** The servers under test, with the models on them: the gateway of the system tests, and a gpu-node of its own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { newTeamKey, uploadReady } from '../support/api.ts';
import { Program } from '../support/program.ts';
import { MODELS, NAMED, ROWS, rowsModel } from './models.ts';
import type { Answer, Kind, SendOptions, Server } from './row.ts';

const KEY = 'conformance-key';

export interface StartedServer extends Server {
  stop(): Promise<void>;
}

let onGateway: Promise<string> | undefined;

/** Inferences run at the edge, and come out of the cache where they can. */
export async function startGateway(): Promise<StartedServer> {
  onGateway ??= makeModels();
  return { ...serverAt('gateway', inject('gatewayUrl'), await onGateway), stop: async () => undefined };
}

/** The same gateway, with every inference delegated to its node. */
export async function startDelegating(): Promise<StartedServer> {
  const gateway = await startGateway();
  const place = { 'x-lepton-place': 'node' };
  return {
    ...gateway,
    send: (method, path, options = {}) =>
      gateway.send(method, path, { ...options, headers: { ...place, ...options.headers } }),
  };
}

/** They belong to a new team; of the model of rows the alias `first` is version 1, `production` the newest. @returns a key for them */
async function makeModels(): Promise<string> {
  const { client: own, secret } = await newTeamKey('models:read', 'models:write', 'infer');
  const push = async (name: string, versions: () => Uint8Array<ArrayBuffer>[]) => {
    await own.models.create({ name });
    for (const bytes of versions()) await uploadReady(own, name, bytes);
  };
  const named = () => [rowsModel('Identity')];
  await Promise.all(
    [...Object.entries(MODELS), [NAMED, named] as const].map(([name, versions]) => push(name, versions)),
  );
  for (const [name, alias, version] of [
    [ROWS, 'first', 1],
    [ROWS, 'production', 2],
    [NAMED, 'first', 1],
  ] as const) {
    await own.aliases.put(name, alias, { targets: [{ version }], reason: 'for the table' });
  }
  return secret;
}

/** As a process, over a directory. */
export async function startNode(): Promise<StartedServer> {
  const root = await mkdtemp(join(tmpdir(), 'conformance-'));
  for (const [name, versions] of Object.entries(MODELS)) {
    for (const [i, bytes] of versions().entries()) {
      const folder = join(root, 'models', name, String(i + 1));
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'model.onnx'), bytes);
    }
  }
  await writeFile(join(root, 'keys'), `${KEY}\n`);
  const flags = ['--model-repository', join(root, 'models'), '--key-file', join(root, 'keys'), '--port', '0'];
  const program = Program.run(process.execPath, [
    'gpu-node/bin/lepton-gpu-node.js',
    ...flags,
    '--metrics-address',
    'off',
  ]);
  const stop = async () => {
    await program.destroy();
    await rm(root, { recursive: true });
  };
  while (!program.output.includes('"msg":"ready"')) await sleep(50);
  const listening = program.lines().find((line) => line.includes('"msg":"listening"')) ?? '';
  return { ...serverAt('node', JSON.parse(listening).url, KEY), stop };
}

function serverAt(kind: Kind, url: string, key: string): Server {
  return {
    kind,
    send: (method, path, { headers = {}, body, anonymous = false }: SendOptions = {}) =>
      new Promise<Answer>((resolve, reject) => {
        const authorization = anonymous ? {} : { authorization: `Bearer ${key}` };
        const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
        const type = raw ? {} : { 'content-type': 'application/json' };
        const options = { method, headers: { ...authorization, ...type, ...headers } };
        const sent = request(`${url}${path}`, options, async (response) => {
          const bytes = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>));
          const text = bytes.toString();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes,
            text,
            json: parsed(text),
          });
        });
        sent.on('error', reject);
        sent.end(raw ? body : JSON.stringify(body));
      }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
