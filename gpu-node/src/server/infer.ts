/** `POST …/infer`: the wire on both sides of the core. */
import {
  chooseContentCoding,
  decodeInferBody,
  encodeInferAnswer,
  HEADER_LENGTH,
  type InferRequest,
  type InferResponse,
  MODEL_HEADER,
} from '@lepton-edge/protocol';
import type { InferenceCore, Phases } from '../core/infer.ts';
import type { VersionTarget } from '../models/version-source.ts';
import { compressed } from './compress.ts';
import { claimOf, type Exchange } from './exchange.ts';
import { readBody, statedLength } from './read-body.ts';
import type { Reply } from './reply.ts';

/** A gateway's callers send 16 MiB; numbers written with two characters become up to eight bytes on their way here. */
export const MAX_BODY_BYTES = 65 * 1024 * 1024;

/** @throws LeptonError; CallerGone */
export async function infer(core: InferenceCore, target: VersionTarget, exchange: Exchange): Promise<Reply> {
  const { request } = exchange;
  const admitted = core.admit(target, claimOf(exchange), Math.min(statedLength(request), MAX_BODY_BYTES));
  try {
    const body = await readBody(request, MAX_BODY_BYTES, admitted.grow);
    const headerLength = request.headers[HEADER_LENGTH];
    const decoded = decodeInferBody(body, typeof headerLength === 'string' ? headerLength : undefined);
    const { response, phases } = await admitted.infer(decoded);
    const reply = encode(decoded, response, {
      'server-timing': serverTiming(phases),
      [MODEL_HEADER]: `${target.model}@${target.version}`,
    });
    return await compressed(reply, chooseContentCoding(request.headers['accept-encoding']));
  } finally {
    admitted.leave();
  }
}

function encode(request: InferRequest, response: InferResponse, headers: Record<string, string>): Reply {
  const { contentType, headerLength, body } = encodeInferAnswer(request, response);
  const length = headerLength === undefined ? {} : { [HEADER_LENGTH]: String(headerLength) };
  return { status: 200, headers: { ...headers, 'content-type': contentType, ...length }, body };
}

/** Source: W3C Server Timing. */
export function serverTiming({ queueMs, loadMs, runMs }: Phases): string {
  const phases: [string, number | undefined][] = [
    ['queue', queueMs],
    ['load', loadMs],
    ['run', runMs],
  ];
  return phases.flatMap(([name, ms]) => (ms === undefined ? [] : [`${name};dur=${ms.toFixed(3)}`])).join(', ');
}
