/**
 * Reads a tokenizer.json of Hugging Face tokenizers and checks whatever decides on memory, time and the right tokens: the file comes
 * from whoever may upload a version. What the library would take and do differently from the original is refused.
 */
import { LeptonError } from '@lepton-edge/protocol';
import { checkContent, type Fields, fieldsOf, isIndex, quote, refuse } from './fields.ts';
import { checkModel, heapBytesOf, MAX_VOCABULARY, type TokenizerModel } from './model.ts';
import { checkNormalizers, checkPostProcessors, checkPreTokenizers, countOwnExpressions } from './steps.ts';

/** Nothing longer is read. */
export const MAX_TOKENIZER_BYTES = 32 * 1024 * 1024;
const MAX_ADDED_TOKENS = 10_000;
const EXPECTED = 'expected a tokenizer.json as Hugging Face tokenizers write it';

/** A checked file. */
export interface TokenizerFile extends Fields {
  model: TokenizerModel;
  added_tokens: (Fields & { id: number; content: string })[];
  /** Whether a Chinese character is a word of its own, as for BERT. */
  spacesChinese: boolean;
  /** Whether the time for a text may grow with its square. */
  hasOwnExpressions: boolean;
  /** What the tokenizer takes, about. */
  heapBytes: number;
}

/**
 * @throws LeptonError `model_invalid` saying what is wrong, `no_placement` for a good file that needs more memory; both without the
 *   file's name
 */
export function readTokenizerFile(file: Uint8Array | string, maxHeapBytes: number): TokenizerFile {
  const size = typeof file === 'string' ? file.length : file.byteLength;
  if (size > MAX_TOKENIZER_BYTES) refuse(`expected at most ${MAX_TOKENIZER_BYTES} bytes, got ${size}`);
  const fields = fieldsOf(parse(file), `${EXPECTED}; it is not an object`);
  const { normalizer = null, pre_tokenizer = null, post_processor = null, padding = null } = fields;
  const spacesChinese = checkNormalizers(normalizer);
  checkPreTokenizers(pre_tokenizer);
  checkPostProcessors(post_processor);
  const model = checkModel(fieldsOf(fields.model, `${EXPECTED}; it has no model`));
  const heapBytes = heapBytesOf(model);
  if (heapBytes > maxHeapBytes) throw new LeptonError('no_placement', needs(heapBytes, maxHeapBytes));
  return {
    model,
    added_tokens: checkAddedTokens(fields.added_tokens ?? []),
    normalizer,
    pre_tokenizer,
    post_processor,
    padding,
    spacesChinese,
    heapBytes,
    hasOwnExpressions: countOwnExpressions(normalizer, pre_tokenizer) > 0,
    // Nothing is decoded here.
    decoder: null,
  };
}

function needs(heapBytes: number, maxHeapBytes: number): string {
  const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);
  return `it would take about ${megabytes(heapBytes)} MB of memory, and ${megabytes(maxHeapBytes)} MB are there for a tokenizer`;
}

function parse(file: Uint8Array | string): unknown {
  try {
    return JSON.parse(
      typeof file === 'string' ? file : new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(file),
    );
  } catch (cause) {
    throw new LeptonError('model_invalid', `${EXPECTED}; it is not JSON`, { cause });
  }
}

function checkAddedTokens(tokens: unknown): TokenizerFile['added_tokens'] {
  if (!Array.isArray(tokens) || tokens.length > MAX_ADDED_TOKENS) {
    refuse(`added_tokens: expected a list of at most ${MAX_ADDED_TOKENS}`);
  }
  tokens.forEach((token, i) => {
    const { id, content } = fieldsOf(token, `added_tokens.${i}: expected an object`);
    if (!isIndex(id) || id >= MAX_VOCABULARY) refuse(`added_tokens.${i}.id: expected an id, got ${quote(id)}`);
    if (checkContent(content, `added_tokens.${i}.content`) === '') refuse(`added_tokens.${i}.content: expected some`);
  });
  return tokens;
}
