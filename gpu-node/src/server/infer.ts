/** `POST …/infer`: the wire on both sides of the core. */
import type { IncomingMessage } from 'node:http';
import {
  chooseContentCoding,
  DIGEST_HEADER,
  Digest,
  decodeInferBody,
  encodeInferAnswer,
  GRANT_HEADER,
  HEADER_LENGTH,
  type InferRequest,
  type InferResponse,
  LeptonError,
} from '@lepton-edge/protocol';
import type { InferenceCore, Phases } from '../core/infer.ts';
import type { Models } from '../models/lifecycle.ts';
import type { VersionTarget } from '../models/version-source.ts';
import { compressed } from './compress.ts';
import { readBody } from './read-body.ts';
import type { Reply } from './reply.ts';

/** A gateway's callers send 16 MiB; numbers written with two characters become up to eight bytes on their way here. */
const MAX_BODY_BYTES = 65 * 1024 * 1024;
const MAX_GRANT_LENGTH = 4096;

export interface InferCall {
  request: IncomingMessage;
  model: string;
  version: number;
  /** Aborts when the caller goes. */
  signal: AbortSignal;
}

/** @throws LeptonError; CallerGone */
export async function infer(core: InferenceCore, models: Models, call: InferCall): Promise<Reply> {
  const { request, signal } = call;
  const admitted = core.admit(targetOf(models, call));
  try {
    const body = await readBody(request, MAX_BODY_BYTES);
    const headerLength = request.headers[HEADER_LENGTH];
    const decoded = decodeInferBody(body, typeof headerLength === 'string' ? headerLength : undefined);
    const { response, phases } = await admitted.infer(decoded, signal);
    const reply = encode(decoded, response, { 'server-timing': serverTiming(phases) });
    return await compressed(reply, chooseContentCoding(request.headers['accept-encoding']));
  } finally {
    admitted.leave();
  }
}

/** @throws LeptonError `invalid_request` when the version is not loaded and the call does not say its digest */
function targetOf(models: Models, { request, model, version }: InferCall): VersionTarget {
  const grant = request.headers[GRANT_HEADER];
  if (typeof grant === 'string' && grant.length > MAX_GRANT_LENGTH) {
    throw new LeptonError('invalid_request', `${GRANT_HEADER}: expected at most ${MAX_GRANT_LENGTH} characters`);
  }
  const text = request.headers[DIGEST_HEADER];
  const digest = text === undefined ? models.find(model, version)?.digest : text;
  const parsed = Digest.safeParse(digest);
  if (parsed.success) {
    return { model, version, digest: parsed.data, grant: typeof grant === 'string' ? grant : undefined };
  }
  const got = text === undefined ? 'none' : JSON.stringify(text);
  throw new LeptonError('invalid_request', `${DIGEST_HEADER}: ${parsed.error.issues[0]?.message}, got ${got}`);
}

function encode(request: InferRequest, response: InferResponse, headers: Record<string, string>): Reply {
  const { contentType, headerLength, body } = encodeInferAnswer(request, response);
  const length = headerLength === undefined ? {} : { [HEADER_LENGTH]: String(headerLength) };
  return { status: 200, headers: { ...headers, 'content-type': contentType, ...length }, body };
}

/** Source: W3C Server Timing. */
function serverTiming({ queueMs, loadMs, runMs }: Phases): string {
  const phases: [string, number | undefined][] = [
    ['queue', queueMs],
    ['load', loadMs],
    ['run', runMs],
  ];
  return phases.flatMap(([name, ms]) => (ms === undefined ? [] : [`${name};dur=${ms.toFixed(3)}`])).join(', ');
}
