import { LeptonError } from '@lepton-edge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BERT_TOKENIZER, bertTokenizer, bertTokenizerFields } from '../../../test/support/bert-model.ts';
import { loadTokenizer } from '../text-tokenizer.ts';

const bert = bertTokenizerFields();
const load = (fields: unknown, maxHeapBytes?: number) =>
  loadTokenizer(JSON.stringify(fields), BERT_TOKENIZER, maxHeapBytes === undefined ? {} : { maxHeapBytes });
const unigram = (vocab: unknown[], unk_id: unknown = 0) => ({ model: { type: 'Unigram', vocab, unk_id } });
const regex = (Regex: string) => ({ type: 'Replace', pattern: { Regex }, content: '' });
const split = (fields: object) => ({ ...bert, pre_tokenizer: { type: 'Split', ...fields } });

describe('a tokenizer.json', () => {
  it('needs nothing but a model', () => {
    expect(load({ model: bert.model }).encode('the')).toEqual([bert.model.vocab.the]);
    const { type, ...untyped } = bert.model;
    expect([type, load({ ...bert, model: untyped }).encode('the')]).toEqual(['WordPiece', load(bert).encode('the')]);
  });

  it.each([
    ['no JSON', '{', 'it is not JSON'],
    ['no text', new Uint8Array([0xff, 0xfe]), 'it is not JSON'],
    ['no object', '[]', 'it is not an object'],
    ['no model', '{}', 'it has no model'],
    ['too long', new Uint8Array(33 * 1024 * 1024), 'expected at most 33554432 bytes, got 34603008'],
  ])('is refused when there is %s', (_, file, sentence) => {
    expect(() => loadTokenizer(file, BERT_TOKENIZER)).toThrow(sentence);
    expect(() => loadTokenizer(file, BERT_TOKENIZER)).toThrow(/^tokenizer\.json: /);
  });

  it.each([
    [{ model: { type: 'WordLevel' } }, 'model.type: expected WordPiece, Unigram or BPE, got "WordLevel"'],
    [{ model: { ...bert.model, vocab: {} } }, 'model.vocab: expected 1 to 1048576 tokens, got 0'],
    [
      { model: { ...bert.model, vocab: { '[UNK]': -1 } } },
      'model.vocab: expected ids from 0 to 1048575, "[UNK]" has -1',
    ],
    [{ model: { ...bert.model, vocab: { '[UNK]': 2 ** 32 } } }, 'expected ids from 0 to 1048575'],
    [
      { model: { ...bert.model, unk_token: 'nowhere' } },
      'model.unk_token: expected a token of the vocabulary, got "nowhere"',
    ],
    [
      { model: { ...bert.model, max_input_chars_per_word: 1e9 } },
      'max_input_chars_per_word: expected at most 200, got 1000000000',
    ],
    [unigram([['a', 0]], 1), 'model.unk_id: expected the id of the unknown piece, below 1, got 1'],
    [unigram([['a', null]]), 'model.vocab.0: expected [piece, score], got ["a",null]'],
    [unigram([['a'.repeat(200), 0]]), 'expected a piece of at most 128 characters, got 200'],
    [unigram(Array.from({ length: 40 }, (_, i) => ['a'.repeat(i + 1), 0])), 'at most 32 are supported'],
    [{ model: { type: 'BPE', vocab: { a: 0 }, merges: [7] } }, 'model.merges.0: expected a pair of tokens, got 7'],
    [{ model: { type: 'BPE', vocab: { a: 0 }, merges: [], dropout: 0.1 } }, 'model.dropout'],
    [{ ...bert, added_tokens: [{ id: 0, content: '' }] }, 'added_tokens.0.content'],
    [
      { ...bert, added_tokens: new Array(20_000).fill({ id: 0, content: 'a' }) },
      'added_tokens: expected a list of at most 10000',
    ],
    [{ ...bert, normalizer: { type: 'Nmt' } }, 'normalizer: expected one of BertNormalizer, '],
    [
      { ...bert, normalizer: regex('(a+)+$') },
      'Replace.pattern: the expression repeats a group (…)+, so it could take for ever',
    ],
    [{ ...bert, normalizer: regex('[b-a]') }, 'the tokenizer cannot be built: '],
    [
      { ...bert, normalizer: { type: 'Replace', pattern: { String: '' }, content: 'a' } },
      'expected {String} or {Regex}',
    ],
    [
      {
        ...bert,
        normalizer: {
          type: 'Sequence',
          normalizers: new Array(30).fill({ type: 'Replace', pattern: { String: 'a' }, content: 'aa' }),
        },
      },
      'normalizer: it could make a text more than 16 times as long',
    ],
    [{ ...bert, pre_tokenizer: { type: 'Whitespace' } }, 'pre_tokenizer: expected one of BertPreTokenizer, '],
    [{ ...bert, pre_tokenizer: { type: 'Punctuation' } }, 'only Contiguous is supported, got "Isolated"'],
    [split({ pattern: { String: ' ' }, behavior: 'MergedWithPrevious' }), 'pre_tokenizer.Split: only Isolated'],
    [
      split({ pattern: { Regex: '(x*)*' }, behavior: 'Isolated' }),
      'pre_tokenizer.Split.pattern: the expression repeats',
    ],
    [
      { ...bert, post_processor: { type: 'TemplateProcessing', single: [] } },
      'expected the text (Sequence A) just once',
    ],
    [
      { ...bert, post_processor: { type: 'BertProcessing', cls: ['[CLS]', 2], sep: ['nowhere', 3] } },
      '"nowhere" is no token of the vocabulary',
    ],
    [
      { ...bert, post_processor: { type: 'BertProcessing', cls: 'x' } },
      'post_processor.cls: expected [token, id], got "x"',
    ],
  ])('says what is wrong with it %#', (fields, sentence) => {
    expect(() => load(fields)).toThrow(sentence);
    expect(() => load(fields)).toThrow(expect.objectContaining({ code: 'model_invalid' }));
  });

  it('that is deeply nested is refused as any other', () => {
    const open = '{"type":"Sequence","normalizers":[';
    const depth = 100_000;
    const normalizer = `${open.repeat(depth)}${']}'.repeat(depth)}`;
    const file = `{"model":{},"normalizer":${normalizer}}`;
    expect(() => loadTokenizer(file, BERT_TOKENIZER)).toThrow(LeptonError);
  });

  it('with expressions of its own is for short texts only, and has few', () => {
    const own = (count: number) => ({
      ...bert,
      normalizer: { type: 'Sequence', normalizers: new Array(count).fill(regex('[0-9]+x')) },
    });
    expect(load(own(4)).encode('a'.repeat(200_000))).toHaveLength(3);
    expect(() => load(own(5))).toThrow('expected at most 4 regular expressions, got 5');
    const long = { ...BERT_TOKENIZER, maxTokens: 8192 };
    expect(() => loadTokenizer(JSON.stringify(own(1)), long)).toThrow(
      'is run for at most 512 tokens, maxTokens is 8192',
    );
    const known = { ...bert, normalizer: regex('\\s+') };
    expect(loadTokenizer(JSON.stringify(known), long).encode('a b')).toHaveLength(4);
  });

  it('needs special tokens that leave room for a text', () =>
    expect(() => loadTokenizer(bertTokenizer(), { ...BERT_TOKENIZER, maxTokens: 2 })).toThrow(
      '2 of maxTokens 2 are special tokens, nothing is left',
    ));

  it('that needs more memory than there is is told apart from a bad one', () => {
    const large = unigram(Array.from({ length: 10_000 }, (_, i) => [`piece${i}`, -1]));
    expect(() => load(large, 1e6)).toThrow(expect.objectContaining({ code: 'no_placement' }));
    expect(load(large, 1e8).vocabularySize).toBe(10_000);
  });

  it('with anything in place of one of its fields is loaded or refused with a reason', () => {
    const paths = ['model', 'normalizer', 'pre_tokenizer', 'post_processor', 'added_tokens', 'padding', 'model.vocab'];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const [field, inner] = path.split('.') as [string, string?];
        const changed = inner ? { ...bert, model: { ...bert.model, [inner]: value } } : { ...bert, [field]: value };
        try {
          load(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(LeptonError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
