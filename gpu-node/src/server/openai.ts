/** `/v1`: what clients of OpenAI's API call. */
import {
  chooseContentCoding,
  decodeEmbeddingRequest,
  encodeEmbeddingResponse,
  MODEL_HEADER,
  type OpenAiModel,
  type OpenAiModelList,
  parseReference,
} from '@lepton-edge/protocol';
import { embed } from '../core/embed.ts';
import type { InferenceCore } from '../core/infer.ts';
import type { Catalogue } from '../models/catalogue.ts';
import type { Models } from '../models/lifecycle.ts';
import type { Tokenizers } from '../texts/tokenizers.ts';
import { compressed } from './compress.ts';
import { claimOf, type Exchange } from './exchange.ts';
import { MAX_BODY_BYTES, serverTiming } from './infer.ts';
import { readBody } from './read-body.ts';
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
  const data = [...names].map((name) => describe(catalogue, name, name));
  return json(200, { object: 'list', data } satisfies OpenAiModelList);
}

/** @throws LeptonError where there is no such version */
export function oneModel({ catalogue }: OpenAiParts, id: string): Reply {
  return json(200, describe(catalogue, id, id));
}

function describe(catalogue: Catalogue, id: string, reference: string): OpenAiModel {
  const createdAt = catalogue.createdAtMs(catalogue.resolve(parseReference(reference)));
  return { id, object: 'model', created: Math.floor(createdAt / 1000), owned_by: OWNER };
}

/** @throws LeptonError; CallerGone */
export async function embeddings(parts: OpenAiParts, exchange: Exchange): Promise<Reply> {
  const { request } = exchange;
  const claim = claimOf(exchange);
  const body = await readBody(request, MAX_BODY_BYTES);
  const { model, inputs, dimensions, encodingFormat } = decodeEmbeddingRequest(body);
  const target = await targetOf(parts, parseReference(model), request.headers);
  const admitted = parts.core.admit(target, claim);
  try {
    const embedded = await embed(parts, { target, admitted, inputs, dimensions });
    const ran = `${target.model}@${target.version}`;
    const text = encodeEmbeddingResponse({ model: ran, ...embedded }, encodingFormat);
    const reply = jsonText(200, text, { 'server-timing': serverTiming(embedded.phases), [MODEL_HEADER]: ran });
    return await compressed(reply, chooseContentCoding(request.headers['accept-encoding']));
  } finally {
    admitted.leave();
  }
}
