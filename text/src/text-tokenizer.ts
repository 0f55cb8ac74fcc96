/** Turns texts into token ids as a model was trained on them, within the number of tokens that it takes. */
import { BPE, Tokenizer, Unigram } from '@huggingface/tokenizers';
import { LeptonError, type TokenizerSpec } from '@lepton-edge/protocol';
import { readTokenizerFile, type TokenizerFile } from './file/read.ts';

/** A text is read up to this many characters for each token that the model takes, and never less than LEAST_CHARACTERS. */
const CHARACTERS_PER_TOKEN = 16;
const LEAST_CHARACTERS = 16_384;
const MOST_CHARACTERS = 65_536;
/** The same where a regular expression of the file's own may take time that grows with the square of the text. */
const MOST_CHARACTERS_OWN = 4_096;
const MOST_TOKENS_OWN = 512;
/** NFKC makes 18 characters of U+FDFA. */
const LARGEST_EXPANSION = 18;
const MEASURED_AT_ONCE = 128;
/** The pieces of the last 10,000 words are kept: of longer ones they would take much memory. */
const LONGEST_CACHED_WORD = 32;
/** Stands for a text where only what surrounds it matters. */
const TEXT = '\u0000text';
/** Of the Chinese characters that BERT takes as words, those that the library overlooks, because they are surrogate pairs. */
const RARE_CHINESE = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;
/** Of several scripts, with an emoji, a combining accent and half a surrogate pair. */
const SAMPLE = 'Hello, wörld! 你好 مرحبا 👋🏽 e\u0301 \ud83d 1234';

export interface TextTokenizer {
  readonly spec: TokenizerSpec;
  /** Fills the rows of a batch. */
  readonly padId: number;
  /** Ids are below it. */
  readonly vocabularySize: number;
  /** What it takes, about. */
  readonly heapBytes: number;
  /**
   * The ids of a text with the special tokens that the file says. No text makes it throw but one that is too long.
   * @param subject names the text in an error
   * @throws LeptonError `invalid_request` for more than `maxTokens` tokens where the manifest says `refuse`
   */
  encode(text: string, subject?: string): number[];
  /**
   * Ids as a caller made them: no special tokens are added, as whoever sends ids has decided on all of them.
   * @throws LeptonError `invalid_request` for what is no id of the vocabulary, and as `encode`
   */
  fromTokens(ids: readonly number[], subject?: string): number[];
}

export interface LoadOptions {
  /** What a tokenizer may take: 250,000 pieces of SentencePiece take 260 MB. By default any. */
  maxHeapBytes?: number;
  /** Whether regular expressions that no well-known tokenizer has are run: seconds for many texts at once. By default they are. */
  ownExpressions?: boolean;
}

/**
 * Loads a tokenizer.json. It takes much longer than to encode a text: once a version.
 * @throws LeptonError `model_invalid` saying what is wrong, `no_placement` for what the options do not allow; `spec.path` comes first
 */
export function loadTokenizer(
  file: Uint8Array | string,
  spec: TokenizerSpec,
  { maxHeapBytes = Number.POSITIVE_INFINITY, ownExpressions = true }: LoadOptions = {},
): TextTokenizer {
  try {
    const checked = readTokenizerFile(file, maxHeapBytes);
    if (checked.hasOwnExpressions && !ownExpressions) {
      const sentence = 'it has a regular expression that no well-known tokenizer has, which is not run here';
      throw new LeptonError('no_placement', sentence);
    }
    const tokenizer = new LoadedTokenizer(checked, build(checked), spec);
    tokenizer.encodeAny(SAMPLE);
    return tokenizer;
  } catch (error) {
    if (!(error instanceof LeptonError)) throw error;
    throw new LeptonError(error.code, `${spec.path}: ${error.message}`, { cause: error });
  }
}

/** What the library says of a file that passed our checks is a reason, too. */
function build(file: TokenizerFile): Tokenizer {
  try {
    const tokenizer = new Tokenizer(file, {});
    const { model } = tokenizer;
    if (model instanceof BPE) model.max_length_to_cache = LONGEST_CACHED_WORD;
    if (model instanceof Unigram) model.encode = (words) => piecesOf(model, words);
    return tokenizer;
  } catch (cause) {
    throw new LeptonError('model_invalid', `the tokenizer cannot be built: ${(cause as Error).message}`, { cause });
  }
}

/**
 * The pieces of words, with one unknown piece for a run of unknown characters. The library's own takes time that grows with the square
 * of such a run, and hands all pieces over as arguments, more than fit on the stack.
 */
function piecesOf(model: Unigram, words: readonly string[]): string[] {
  const pieces: string[] = [];
  for (const word of words) {
    let wasKnown = true;
    for (const piece of model.tokenize(word)) {
      const isKnown = model.tokens_to_ids.has(piece);
      if (isKnown) pieces.push(piece);
      else if (wasKnown) pieces.push(model.unk_token as string);
      wasKnown = isKnown;
    }
  }
  return pieces;
}

class LoadedTokenizer implements TextTokenizer {
  readonly spec: TokenizerSpec;
  readonly padId: number;
  readonly vocabularySize: number;
  readonly heapBytes: number;
  readonly #tokenizer: Tokenizer;
  /** The special tokens behind a text. */
  readonly #closing: readonly number[];
  readonly #mostCharacters: number;
  readonly #spacesChinese: boolean;

  constructor(file: TokenizerFile, tokenizer: Tokenizer, spec: TokenizerSpec) {
    this.spec = spec;
    this.#tokenizer = tokenizer;
    this.#spacesChinese = file.spacesChinese;
    this.heapBytes = file.heapBytes;
    this.vocabularySize = tokenizer.model?.vocab.length ?? 0;
    this.padId = padIdOf(file, this.vocabularySize);
    const { opening, closing } = specialsOf(tokenizer, spec);
    if (opening.length + closing.length >= spec.maxTokens) {
      const count = opening.length + closing.length;
      throw new LeptonError(
        'model_invalid',
        `${count} of maxTokens ${spec.maxTokens} are special tokens, nothing is left`,
      );
    }
    this.#closing = closing;
    this.#mostCharacters = mostCharacters(file, spec);
  }

  encode(text: string, subject = 'the text'): number[] {
    const readable = beginning(text, this.#mostCharacters);
    if (readable.length < text.length && this.spec.tooLong === 'refuse') {
      const most = this.#mostCharacters;
      throw tooLong(
        `${subject} has ${text.length} characters, at most ${most} are read for ${this.spec.maxTokens} tokens`,
      );
    }
    return this.#fit(this.encodeAny(readable), subject);
  }

  fromTokens(ids: readonly number[], subject = 'the text'): number[] {
    const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= this.vocabularySize);
    if (wrong < 0) return this.#fit(ids, subject);
    const most = this.vocabularySize - 1;
    throw new LeptonError(
      'invalid_request',
      `${subject}: expected token ids from 0 to ${most}, token ${wrong} is ${String(ids[wrong])}`,
    );
  }

  /** However many tokens there are. */
  encodeAny(text: string): number[] {
    const spaced = this.#spacesChinese ? text.replace(RARE_CHINESE, ' $& ') : text;
    return this.#tokenizer.encode(spaced).ids;
  }

  /** At most `maxTokens`, still closed by special tokens where they were. */
  #fit(ids: readonly number[], subject: string): number[] {
    const { maxTokens } = this.spec;
    if (ids.length <= maxTokens) return ids.slice();
    if (this.spec.tooLong === 'refuse') {
      throw tooLong(`${subject} has ${ids.length} tokens, the model takes at most ${maxTokens}`);
    }
    const closing = this.#closing;
    const isClosed = closing.every((id, i) => ids[ids.length - closing.length + i] === id);
    return isClosed ? [...ids.slice(0, maxTokens - closing.length), ...closing] : ids.slice(0, maxTokens);
  }
}

function tooLong(sentence: string): LeptonError {
  return new LeptonError('invalid_request', `${sentence}: shorten it, or split it`);
}

function mostCharacters({ hasOwnExpressions }: TokenizerFile, { maxTokens }: TokenizerSpec): number {
  if (!hasOwnExpressions) {
    return Math.min(MOST_CHARACTERS, Math.max(LEAST_CHARACTERS, maxTokens * CHARACTERS_PER_TOKEN));
  }
  if (maxTokens <= MOST_TOKENS_OWN) return MOST_CHARACTERS_OWN;
  throw new LeptonError(
    'model_invalid',
    `a regular expression that no well-known tokenizer has is run for at most ${MOST_TOKENS_OWN} tokens, maxTokens is ${maxTokens}`,
  );
}

/** As much of a text as has about so many characters, also when a normalizer has taken its characters apart. */
function beginning(text: string, most: number): string {
  const part = text.slice(0, most);
  if (part.length * LARGEST_EXPANSION <= most) return part;
  let length = 0;
  for (let at = 0; at < part.length; at += MEASURED_AT_ONCE) {
    length += part.slice(at, at + MEASURED_AT_ONCE).normalize('NFKC').length;
    if (length > most) return part.slice(0, at);
  }
  return part;
}

/** The special tokens before and behind a text. */
function specialsOf(tokenizer: Tokenizer, { inputs }: TokenizerSpec): { opening: number[]; closing: number[] } {
  const { post_processor: processor } = tokenizer;
  if (!processor) return { opening: [], closing: [] };
  const { tokens, token_type_ids: types } = processor.post_process([TEXT], null, true);
  const at = tokens.indexOf(TEXT);
  if (at < 0 || tokens.indexOf(TEXT, at + 1) >= 0) {
    throw new LeptonError('model_invalid', 'post_processor: expected the text (Sequence A) just once');
  }
  if (inputs.types !== undefined && types?.some((type) => type !== 0)) {
    throw new LeptonError('model_invalid', 'post_processor: expected type_id 0 throughout where there is one text');
  }
  const ids = tokens.map((token, i) => {
    const id = i === at ? 0 : tokenizer.token_to_id(token);
    if (id !== undefined) return id;
    throw new LeptonError('model_invalid', `post_processor: ${JSON.stringify(token)} is no token of the vocabulary`);
  });
  return { opening: ids.slice(0, at), closing: ids.slice(at + 1) };
}

/** The file's own, or that of a token that is called so, or 0. */
function padIdOf({ padding, added_tokens: added }: TokenizerFile, vocabularySize: number): number {
  const stated = (padding as { pad_id?: unknown } | null)?.pad_id;
  if (stated === undefined) return added.find(({ content }) => content === '[PAD]' || content === '<pad>')?.id ?? 0;
  if (Number.isInteger(stated) && (stated as number) >= 0 && (stated as number) < vocabularySize)
    return stated as number;
  throw new LeptonError(
    'model_invalid',
    `padding.pad_id: expected an id below ${vocabularySize}, got ${String(stated)}`,
  );
}
