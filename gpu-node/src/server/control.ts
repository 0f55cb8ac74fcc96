/** Triton's model repository extension: what is there, and loading and unloading it by request. */
import type { IncomingMessage } from 'node:http';
import {
  LeptonError,
  type PinReport,
  parseJson,
  parseReference,
  RepositoryControlRequest,
  type RepositoryIndex,
  RepositoryIndexRequest,
  VersionNumber,
} from '@lepton-edge/protocol';
import type { z } from 'zod';
import type { Catalogue } from '../models/catalogue.ts';
import { withPins } from '../models/pinned-index.ts';
import { readBody } from './read-body.ts';
import { json, type Reply } from './reply.ts';

const MAX_BODY_BYTES = 64 * 1024;
/** What Triton's clients may send with an unload: models here depend on nothing. */
const IGNORED = new Set(['unload_dependents']);

/** `POST /v2/repository/index`. @throws LeptonError `invalid_json`, `invalid_request` */
export async function repositoryIndex(
  request: IncomingMessage,
  catalogue: Catalogue,
  pins: readonly PinReport[],
): Promise<Reply> {
  const { ready } = await readOptional(request, RepositoryIndexRequest);
  const index: RepositoryIndex = withPins(catalogue.index(), pins).filter(({ state }) => !ready || state === 'READY');
  return json(200, index);
}

/** `POST /v2/repository/models/{name}/load` and `…/unload`. @throws LeptonError */
export async function control(
  request: IncomingMessage,
  catalogue: Catalogue,
  kind: 'load' | 'unload',
  name: string,
): Promise<Reply> {
  const { model, version: named, alias } = parseReference(name);
  const { parameters = {} } = await readOptional(request, RepositoryControlRequest);
  const { version: stated, ...others } = parameters;
  const unknown = Object.keys(others).filter((key) => !IGNORED.has(key));
  if (alias !== undefined || named !== undefined || unknown.length > 0) {
    const got = unknown.length > 0 ? `the parameters ${unknown.join(', ')}` : JSON.stringify(name);
    const expected = 'expected a model\'s name in the path and at most the parameter "version"';
    throw new LeptonError('invalid_request', `${expected}, got ${got}`);
  }
  const version = stated === undefined ? undefined : numberOf(stated);
  if (kind === 'load') await catalogue.load(model, version);
  else await catalogue.unload(model, version);
  return json(200, {});
}

export function sharedMemoryRefused(): LeptonError {
  const message = 'shared memory is not supported: send the data in the request';
  return new LeptonError('invalid_request', message);
}

function numberOf(stated: string | number | boolean): number {
  const parsed = VersionNumber.safeParse(String(stated));
  if (parsed.success) return parsed.data;
  throw new LeptonError('invalid_request', `parameters.version: ${parsed.error.issues[0]?.message}`);
}

/** Clients may send no body where nothing is to be said. */
async function readOptional<T extends z.ZodType>(request: IncomingMessage, schema: T): Promise<z.output<T>> {
  const bytes = await readBody(request, MAX_BODY_BYTES);
  const parsed = schema.safeParse(bytes.byteLength === 0 ? {} : parseJson(bytes));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; ');
  throw new LeptonError('invalid_request', `the body is not as expected: ${faults}`);
}
