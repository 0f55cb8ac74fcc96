/** Plain HTTP against the gateway under test, and teams of a test's own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LeptonClient } from '@lepton-edge/client';
import type { ManifestInput, Scope, Version } from '@lepton-edge/protocol';
import { inject } from 'vitest';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON, an empty object where it is none. */
  body: Record<string, unknown>;
}

export interface CallOptions {
  /** Defaults to the admin key; `null` sends none. */
  key?: string | null;
  headers?: Record<string, string>;
  /** Sent as JSON, unless it is text or bytes. */
  body?: unknown;
}

/** Sends one request as a foreign client would. */
export async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const headers = new Headers(options.headers);
  const key = options.key === undefined ? inject('adminKey') : options.key;
  if (key !== null) headers.set('authorization', `Bearer ${key}`);
  const { body } = options;
  const raw = typeof body === 'string' || body instanceof Uint8Array || body === undefined;
  if (!raw) headers.set('content-type', 'application/json');
  const response = await fetch(`${inject('gatewayUrl')}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: raw ? (body as BodyInit) : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parse(text) };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

export function client(key: string = inject('adminKey')): LeptonClient {
  return new LeptonClient({ baseUrl: inject('gatewayUrl'), key });
}

/** Uploads a version and waits until it has been admitted. Throws when it is rejected. */
export async function uploadReady(
  own: LeptonClient,
  model: string,
  onnx: Uint8Array<ArrayBuffer>,
  manifest?: ManifestInput,
): Promise<Version> {
  return await untilReady(own, await own.versions.upload(model, onnx, manifest));
}

/** Waits until a version has been admitted. Throws when it is rejected. */
export async function untilReady(own: LeptonClient, made: Version): Promise<Version> {
  const { model } = made;
  let version = made;
  while (version.state === 'admitting') {
    await sleep(50);
    version = await own.versions.get(model, version.version);
  }
  if (version.state === 'ready') return version;
  throw new Error(`${model}@${version.version} is ${version.state}: ${version.reason}`);
}

let made = 0;

/** A name no other test uses. */
export function freshName(what: string): string {
  made++;
  return `${what}-${process.pid}-${made}`;
}

/** A key of a new team. */
export async function newTeamKey(...scopes: Exclude<Scope, 'node'>[]) {
  const team = await client().teams.create({ name: freshName('team') });
  return await keyOf(team.id, ...scopes);
}

/** A further key of a team. */
export async function keyOf(team: string, ...scopes: Exclude<Scope, 'node'>[]) {
  const key = await client().keys.create({ team, name: freshName('key'), scopes });
  return { team, id: key.id, secret: key.secret, client: client(key.secret) };
}

/** A model of a new team, and a key that may do everything with it. */
export async function newModel() {
  const owner = await newTeamKey('models:read', 'models:write', 'infer');
  return { ...owner, name: await modelOf(owner.client) };
}

async function modelOf(own: LeptonClient): Promise<string> {
  const name = freshName('model');
  await own.models.create({ name });
  return name;
}

/** Models of one new team with the same ready version: only the first is tried. */
export async function newModelsWith(count: number, onnx: Uint8Array<ArrayBuffer>) {
  const first = await newModel();
  await uploadReady(first.client, first.name, onnx);
  const others = Array.from({ length: count - 1 }, async () => {
    const name = await modelOf(first.client);
    await uploadReady(first.client, name, onnx);
    return { ...first, name };
  });
  return [first, ...(await Promise.all(others))];
}
