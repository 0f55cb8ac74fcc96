/** What the Worker and a node do alike with a request for embeddings, before anything runs. */
import {
  type EmbeddingInput,
  type EmbeddingSpec,
  LeptonError,
  type Manifest,
  type TokenizerSpec,
} from '@lepton-edge/protocol';
import type { TextTokenizer } from './text-tokenizer.ts';

/** A padded run of this many tokens is work enough for any model, and little enough for an isolate's memory. */
export const TOKEN_BUDGET = 4_096;

/**
 * What makes embeddings of texts with a version.
 * @throws LeptonError `invalid_request` for one that is not of texts
 */
export function textSpecOf(
  { model, version }: { model: string; version: number },
  { tokenizer, embedding }: Pick<Manifest, 'tokenizer' | 'embedding'>,
): { tokenizer: TokenizerSpec; embedding: EmbeddingSpec } {
  if (tokenizer && embedding) return { tokenizer, embedding };
  const message = `${model}@${version} makes no embeddings: its manifest has no tokenizer and embedding; use /v2/models/${model}/infer`;
  throw new LeptonError('invalid_request', message, { errors: [{ path: 'model', message }] });
}

/** The tokens of each input of a request. @throws LeptonError as `TextTokenizer`, naming the input */
export function tokensOf(tokenizer: TextTokenizer, inputs: readonly EmbeddingInput[]): number[][] {
  return inputs.map((input, i) => {
    const subject = inputs.length === 1 ? 'input' : `input ${i}`;
    return typeof input === 'string' ? tokenizer.encode(input, subject) : tokenizer.fromTokens(input, subject);
  });
}
