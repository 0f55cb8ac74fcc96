import { describe, expect, it } from 'vitest';
import { loadSentencePiece, SentencePiece } from './sentence-piece.ts';

const reserved = Array.from({ length: 6 }, (_, i) => [`<${i}>`, 0] as const);

describe('SentencePiece', () => {
  it('takes the pieces with the highest sum of scores, not the longest first', () => {
    const pieces = new SentencePiece([...reserved, ['▁ab', -5], ['▁a', -1], ['b', -1], ['c', -1], ['bc', -1.5]]);
    expect(pieces.encode('abc')).toEqual([7, 10]);
  });

  it('knows a run of characters that no piece covers as one unknown piece', () => {
    const pieces = new SentencePiece([...reserved, ['▁a', -1], ['b', -1]]);
    expect(pieces.encode('aΩΨb')).toEqual([6, 0, 7]);
    expect(pieces.encode('')).toEqual([]);
  });

  // The ids that @energetic-ai/embeddings@0.2.0 gives.
  it.each([
    ['How old are you?', [728, 446, 31, 19, 54]],
    ['Tomorrow’s weather: rainy.', [2736, 121, 1385, 2390, 7, 3524, 57, 2976, 48, 6]],
    ['unbelievably internationalization', [228, 2681, 349, 278, 1642, 1899, 1805]],
    ['  two  spaces ', [30, 30, 174, 30, 1016, 7, 30]],
    ['naïve café — 99 % done!', [1216, 0, 105, 976, 209, 1133, 405, 30, 1994, 30, 388, 535, 78]],
    ['日本語 text', [30, 0, 1515]],
    ['tab\tnew\nline', [5520, 0, 2664, 0, 721]],
  ])('cuts %j as the original does', async (text, ids) => {
    expect((await loadSentencePiece()).encode(text)).toEqual(ids);
  });

  it('normalises width and composition (NFKC)', async () => {
    const pieces = await loadSentencePiece();
    expect(pieces.encode('Ｈｅｌｌｏ')).toEqual(pieces.encode('Hello'));
    expect(pieces.encode('Hello').length).toBeGreaterThan(0);
  });
});
