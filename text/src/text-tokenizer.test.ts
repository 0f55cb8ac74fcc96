import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildTokenizerFile } from '../../examples/use-lite/tokenizer-file.ts';
import { BERT_TOKENIZER, BERT_VOCABULARY, bertTokenizer, bertTokenizerFields } from '../../test/support/bert-model.ts';
import reference from './testing/reference.generated.json' with { type: 'json' };
import { loadTokenizer } from './text-tokenizer.ts';

const LONG = { maxTokens: 100_000, tooLong: 'truncate' } as const;
const USE_LITE = { path: 'tokenizer.json', inputs: { ids: 'input_ids' }, ...LONG };
const bert = loadTokenizer(bertTokenizer(), BERT_TOKENIZER);
const wholeBert = loadTokenizer(bertTokenizer(), { ...BERT_TOKENIZER, ...LONG });
const useLite = loadTokenizer(await buildTokenizerFile(), USE_LITE);
const byteLevel = loadTokenizer(JSON.stringify(reference.byteLevel.tokenizer), USE_LITE);

const ids = (...tokens: string[]) => tokens.map((token) => BERT_VOCABULARY.indexOf(token));

describe('encode', () => {
  it.each([
    ['WordPiece', wholeBert, reference.bert],
    ['Unigram', useLite, reference.useLite],
    ['byte-level BPE', byteLevel, reference.byteLevel.ids],
  ])('gives the ids of the original library: %s', (_, tokenizer, expected) => {
    expect(reference.texts.length).toBeGreaterThan(50);
    for (const [i, text] of reference.texts.entries())
      expect([text, tokenizer.encode(text)]).toEqual([text, expected[i]]);
  });

  it.each([
    ['How old ARE you?', ids('[CLS]', 'how', 'old', 'are', 'you', '?', '[SEP]')],
    ['unable', ids('[CLS]', 'un', '##able', '[SEP]')],
    // No piece begins with the sign, so the whole word is unknown.
    ['un€able was', ids('[CLS]', '[UNK]', 'was', '[SEP]')],
    ['你好', ids('[CLS]', '你', '好', '[SEP]')],
    ['THÉ \u0000', ids('[CLS]', 'the', '[SEP]')],
    ['', ids('[CLS]', '[SEP]')],
  ])('cuts %j into word pieces as by hand', (text, expected) => expect(bert.encode(text)).toEqual(expected));

  it('never throws, and gives ids of the vocabulary', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 100 }),
      fc
        .array(fc.constantFrom('\ud83d', '\udc4b', '\u0301', ' ', 'مرحبا', '你好', '👩‍👩‍👧', '[SEP]', '<s>', '\u0000'))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const tokenizer of [bert, useLite, byteLevel]) {
          const tokens = tokenizer.encode(text);
          expect(tokens.every((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.vocabularySize)).toBe(true);
          expect(tokenizer.fromTokens(tokens)).toEqual(tokens);
          expect(tokenizer.encode(text)).toEqual(tokens);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('takes a text of any length, and reads as much as can matter', () => {
    const endless = 'we are old and '.repeat(100_000);
    expect(bert.encode(endless)).toHaveLength(BERT_TOKENIZER.maxTokens);
    expect(useLite.encode('x'.repeat(2_000_000)).length).toBeGreaterThan(10_000);
    expect(byteLevel.encode('é '.repeat(1_000_000)).length).toBeGreaterThan(10_000);
  });
});

describe('a character that stands for many', () => {
  const sign = '\ufdfa';
  it('counts as what it stands for', () => {
    expect(sign.normalize('NFKC')).toHaveLength(18);
    const all = useLite.encode(sign.repeat(1000)).length;
    expect(useLite.encode(sign.repeat(65_536)).length).toBeLessThan(5 * all);
    expect(useLite.encode(`${sign.repeat(1000)}${'x'.repeat(60_000)}`).length).toBeGreaterThan(all + 40_000);
    const refusing = loadTokenizer(bertTokenizer(), { ...BERT_TOKENIZER, tooLong: 'refuse' });
    expect(() => refusing.encode(sign.repeat(1000))).toThrow('has 1000 characters, at most 16384 are read');
  });
});

describe('too many tokens', () => {
  const short = { ...BERT_TOKENIZER, maxTokens: 4 };

  it('truncates the text and keeps the special tokens around it', () => {
    const expected = ids('[CLS]', 'how', 'old', '[SEP]');
    const tokenizer = loadTokenizer(bertTokenizer(), short);
    expect(tokenizer.encode('how old')).toEqual(expected);
    expect(tokenizer.encode('how old are you')).toEqual(expected);
    expect(tokenizer.fromTokens(ids('[CLS]', 'how', 'old', 'are', '[SEP]'))).toEqual(expected);
    // Raw tokens were not closed, and stay so.
    expect(tokenizer.fromTokens(ids('how', 'old', 'are', 'you', 'the'))).toEqual(ids('how', 'old', 'are', 'you'));
  });

  it('is the text cut where the model stops reading, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
        fc.integer({ min: 3, max: 80 }),
        (text, most) => {
          const tokenizer = loadTokenizer(bertTokenizer(), { ...BERT_TOKENIZER, maxTokens: most });
          const [all, cut] = [wholeBert.encode(text), tokenizer.encode(text)];
          expect(cut.length).toBe(Math.min(all.length, most));
          expect(cut.slice(0, -1)).toEqual(all.slice(0, cut.length - 1));
          expect(cut.at(-1)).toBe(all.at(-1));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('refuses them where the manifest says so, and tells how many there are', () => {
    const tokenizer = loadTokenizer(bertTokenizer(), { ...short, tooLong: 'refuse' });
    expect(tokenizer.encode('how old')).toHaveLength(4);
    const refusal = (sentence: string) => expect.objectContaining({ code: 'invalid_request', message: sentence });
    expect(() => tokenizer.encode('how old are you', 'input.2')).toThrow(
      refusal('input.2 has 6 tokens, the model takes at most 4: shorten it, or split it'),
    );
    expect(() => tokenizer.fromTokens([5, 5, 5, 5, 5], 'input')).toThrow(
      refusal('input has 5 tokens, the model takes at most 4: shorten it, or split it'),
    );
    expect(() => tokenizer.encode(' '.repeat(20_000))).toThrow(/has 20000 characters, at most 16384 are read/);
  });
});

describe('fromTokens', () => {
  it.each([[-1], [BERT_VOCABULARY.length], [1.5], [Number.NaN]])('refuses %d, which is no id', (id) => {
    const last = BERT_VOCABULARY.length - 1;
    expect(() => bert.fromTokens([2, id], 'input.0')).toThrow(
      `input.0: expected token ids from 0 to ${last}, token 1 is ${id}`,
    );
  });

  it('answers ids of its own', () => {
    const given = [7, 8];
    expect(bert.fromTokens(given)).toEqual(given);
    expect(bert.fromTokens(given)).not.toBe(given);
  });
});

describe('padId', () => {
  const padIdOf = (changes: object) =>
    loadTokenizer(JSON.stringify({ ...bertTokenizerFields(), ...changes }), BERT_TOKENIZER).padId;

  it('is what the file says, or the token that is called so', () => {
    expect(padIdOf({ padding: { pad_id: 7 } })).toBe(7);
    const added_tokens = [{ id: 4, content: '<pad>', special: true }];
    expect(padIdOf({ padding: null, added_tokens })).toBe(4);
    expect(padIdOf({ padding: null, added_tokens: [] })).toBe(0);
    expect(() => padIdOf({ padding: { pad_id: 1e6 } })).toThrow('padding.pad_id: expected an id below');
  });
});
