import { describe, expect, it } from 'vitest';
import { loadSentencePiece, SentencePiece } from './sentence-piece.ts';

const reserved = Array.from({ length: 6 }, (_, i) => [`<${i}>`, 0] as const);

describe('SentencePiece', () => {
  it('takes the pieces with the highest sum of scores, not the longest first', () => {
    const pieces = new SentencePiece([...reserved, ['▁ab', -5], ['▁a', -1], ['b', -1], ['c', -1], ['bc', -1.5]]);
    expect(pieces.encode('abc')).toEqual([7, 10]);
  });

  it('passes over what no piece covers, and an empty text', () => {
    const pieces = new SentencePiece([...reserved, ['▁a', -1], ['b', -1]]);
    expect(pieces.encode('aΩb')).toEqual([6, 7]);
    expect(pieces.encode('')).toEqual([]);
  });

  it('normalises width and composition (NFKC)', async () => {
    const pieces = await loadSentencePiece();
    expect(pieces.encode('Ｈｅｌｌｏ')).toEqual(pieces.encode('Hello'));
    expect(pieces.encode('Hello').length).toBeGreaterThan(0);
  });
});
