/** Checks the model of a tokenizer.json: its vocabulary, and whatever would make it slow or wrong. */
import { checkContent, type Fields, fieldsOf, isIndex, quote, refuse } from './fields.ts';

/** Ids are below this, too. */
export const MAX_VOCABULARY = 1_048_576;
/** The time for a word grows with its third power. */
const MAX_WORD_CHARACTERS = 200;
const MAX_PIECE_LENGTH = 128;
/** Pieces of which each begins the next: as many may have to be held for every character of a text. */
const MAX_NESTED_PIECES = 32;

export type TokenizerModel = Fields & { type: 'WordPiece' | 'Unigram' | 'BPE' };

/** @returns the model with its defaults. @throws LeptonError `model_invalid` */
export function checkModel(model: Fields): TokenizerModel {
  const type = model.type ?? guessType(model);
  if (type === 'Unigram') checkUnigram(model);
  else if (type === 'WordPiece' || type === 'BPE') checkVocabulary(model, type);
  else refuse(`model.type: expected WordPiece, Unigram or BPE, got ${quote(type)}`);
  const defaults = type === 'WordPiece' ? { continuing_subword_prefix: '##', max_input_chars_per_word: 100 } : {};
  return { ...defaults, ...model, type };
}

/** Files of the first versions do not tell it. */
function guessType(model: Fields): TokenizerModel['type'] {
  if (Array.isArray(model.vocab)) return 'Unigram';
  return 'merges' in model ? 'BPE' : 'WordPiece';
}

function checkUnigram({ vocab, unk_id: unknown }: Fields): void {
  if (!Array.isArray(vocab)) refuse('model.vocab: expected a list of [piece, score]');
  checkSize(vocab.length);
  vocab.forEach((entry, id) => {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !Number.isFinite(entry[1])) {
      refuse(`model.vocab.${id}: expected [piece, score], got ${quote(entry)}`);
    }
    if (entry[0].length <= MAX_PIECE_LENGTH) return;
    refuse(`model.vocab.${id}: expected a piece of at most ${MAX_PIECE_LENGTH} characters, got ${entry[0].length}`);
  });
  checkNesting(vocab.map(([piece]) => piece));
  if (isIndex(unknown) && unknown < vocab.length) return;
  refuse(`model.unk_id: expected the id of the unknown piece, below ${vocab.length}, got ${quote(unknown)}`);
}

function checkNesting(pieces: readonly string[]): void {
  const known = new Set(pieces);
  for (const piece of pieces) {
    let nested = 0;
    for (let end = 1; end <= piece.length; end++) if (known.has(piece.slice(0, end))) nested++;
    if (nested > MAX_NESTED_PIECES) {
      refuse(`model.vocab: ${nested} pieces begin ${quote(piece)}, at most ${MAX_NESTED_PIECES} are supported`);
    }
  }
}

function checkVocabulary(model: Fields, type: 'WordPiece' | 'BPE'): void {
  const vocabulary = fieldsOf(model.vocab, 'model.vocab: expected an object of token: id');
  const entries = Object.entries(vocabulary);
  checkSize(entries.length);
  for (const [token, id] of entries) {
    if (!isIndex(id) || id >= MAX_VOCABULARY) {
      refuse(`model.vocab: expected ids from 0 to ${MAX_VOCABULARY - 1}, ${quote(token)} has ${quote(id)}`);
    }
  }
  const { unk_token: unknown } = model;
  const isKnown = typeof unknown === 'string' && Object.hasOwn(vocabulary, unknown);
  if (!isKnown && (type === 'WordPiece' || (unknown ?? null) !== null)) {
    refuse(`model.unk_token: expected a token of the vocabulary, got ${quote(unknown)}`);
  }
  if (type === 'BPE') checkPairs(model);
  else checkWords(model);
}

function checkWords({
  continuing_subword_prefix: prefix = '##',
  max_input_chars_per_word: longest = 100,
}: Fields): void {
  checkContent(prefix, 'model.continuing_subword_prefix');
  if (!isIndex(longest) || longest > MAX_WORD_CHARACTERS) {
    refuse(`model.max_input_chars_per_word: expected at most ${MAX_WORD_CHARACTERS}, got ${quote(longest)}`);
  }
}

function checkPairs({ merges, end_of_word_suffix: end, continuing_subword_prefix: prefix, dropout }: Fields): void {
  if (end !== undefined && end !== null) checkContent(end, 'model.end_of_word_suffix');
  if (prefix) refuse(`model.continuing_subword_prefix: none is supported in BPE, got ${quote(prefix)}`);
  if (dropout) refuse('model.dropout: a text must always give the same tokens, expected none');
  if (!Array.isArray(merges)) refuse('model.merges: expected a list of pairs');
  if (merges.length > MAX_VOCABULARY) refuse(`model.merges: expected at most ${MAX_VOCABULARY}, got ${merges.length}`);
  const arePairs = Array.isArray(merges[0]);
  const isMerge = (merge: unknown) =>
    arePairs
      ? Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string')
      : typeof merge === 'string' && merge.includes(' ');
  const wrong = merges.findIndex((merge) => !isMerge(merge));
  if (wrong >= 0) refuse(`model.merges.${wrong}: expected a pair of tokens, got ${quote(merges[wrong])}`);
}

function checkSize(count: number): void {
  if (count > 0 && count <= MAX_VOCABULARY) return;
  refuse(`model.vocab: expected 1 to ${MAX_VOCABULARY} tokens, got ${count}`);
}

/** About the memory that the library takes for a model, seen with vocabularies of 8,000 to 250,000 tokens. */
export function heapBytesOf({ type, vocab, merges }: TokenizerModel): number {
  if (type === 'Unigram') {
    // A node of the trie for nearly every character.
    return (vocab as [string][]).reduce((sum, [piece]) => sum + 100 + 150 * piece.length, 0);
  }
  const tokens = Object.keys(vocab as Fields).length;
  return type === 'BPE' ? 160 * tokens + 500 * (merges as unknown[]).length : 130 * tokens;
}
