/** `/v1`: what clients of OpenAI's API call. */
import {
  chooseContentCoding,
  decodeEmbeddingRequest,
  type EmbeddingRequest,
  encodeEmbeddingResponse,
  LeptonError,
  MODEL_HEADER,
  type OpenAiModel,
  type OpenAiModelList,
  parseReference,
} from '@lepton-edge/protocol';
import { embed } from '../core/embed.ts';
import type { Admitted, InferenceCore } from '../core/infer.ts';
import type { Catalogue } from '../models/catalogue.ts';
import type { Models } from '../models/lifecycle.ts';
import type { VersionTarget } from '../models/version-source.ts';
import type { Tokenizers } from '../texts/tokenizers.ts';
import { compressed } from './compress.ts';
import { claimOf, type Exchange } from './exchange.ts';
import { MAX_BODY_BYTES, serverTiming } from './infer.ts';
import { readBody, statedLength } from './read-body.ts';
import { json, jsonText, type Reply } from './reply.ts';
import { targetOf } from './target.ts';

const OWNER = 'lepton-gpu-node';

export interface OpenAiParts {
  core: InferenceCore;
  models: Models;
  tokenizers: Tokenizers;
  catalogue: Catalogue;
}

export function modelList({ catalogue }: OpenAiParts): Reply {
  const names = new Set(catalogue.versions().map(({ model }) => model));
  const data = [...names].map((name) => describe(catalogue, name));
  return json(200, { object: 'list', data } satisfies OpenAiModelList);
}

/** @throws LeptonError where there is no such version */
export function oneModel({ catalogue }: OpenAiParts, id: string): Reply {
  return json(200, describe(catalogue, id));
}

function describe(catalogue: Catalogue, id: string): OpenAiModel {
  const createdAt = catalogue.createdAtMs(catalogue.resolve(parseReference(id)));
  return { id, object: 'model', created: Math.floor(createdAt / 1000), owned_by: OWNER };
}

/** @throws LeptonError; CallerGone */
export async function embeddings(parts: OpenAiParts, exchange: Exchange): Promise<Reply> {
  const { headers } = exchange.request;
  const named = headers[MODEL_HEADER];
  const read = typeof named === 'string' ? readNamed(parts, exchange, named) : readUnnamed(parts, exchange);
  const { target, admitted, asked } = await read;
  try {
    const { inputs, dimensions, encodingFormat } = asked;
    const embedded = await embed(parts, { target, admitted, inputs, dimensions });
    const ran = `${target.model}@${target.version}`;
    const text = encodeEmbeddingResponse({ model: ran, ...embedded }, encodingFormat);
    const reply = jsonText(200, text, { 'server-timing': serverTiming(embedded.phases), [MODEL_HEADER]: ran });
    return await compressed(reply, chooseContentCoding(headers['accept-encoding']));
  } finally {
    admitted.leave();
  }
}

interface Read {
  target: VersionTarget;
  /** Still to be left. */
  admitted: Admitted;
  asked: EmbeddingRequest;
}

/** A gateway names the model in a header, too: its place comes before the body. */
async function readNamed(parts: OpenAiParts, exchange: Exchange, name: string): Promise<Read> {
  const { request } = exchange;
  const target = await targetOf(parts, parseReference(name), request.headers);
  const admitted = parts.core.admit(target, claimOf(exchange), Math.min(statedLength(request), MAX_BODY_BYTES));
  try {
    const asked = decodeEmbeddingRequest(await readBody(request, MAX_BODY_BYTES, admitted.grow));
    if (asked.model === name) return { target, admitted, asked };
    const got = `${JSON.stringify(asked.model)} and ${JSON.stringify(name)}`;
    throw new LeptonError('invalid_request', `expected the same model in the body and in ${MODEL_HEADER}, got ${got}`);
  } catch (error) {
    admitted.leave();
    throw error;
  }
}

async function readUnnamed(parts: OpenAiParts, exchange: Exchange): Promise<Read> {
  const { core } = parts;
  const { request } = exchange;
  const claim = claimOf(exchange);
  const place = core.admitUnnamed(claim, Math.min(statedLength(request), MAX_BODY_BYTES));
  try {
    const body = await readBody(request, MAX_BODY_BYTES, (bytes) => place.grow(bytes));
    const asked = decodeEmbeddingRequest(body);
    const target = await targetOf(parts, parseReference(asked.model), request.headers);
    return { target, admitted: core.admit(target, claim, body.byteLength), asked };
  } finally {
    place.leave();
  }
}
