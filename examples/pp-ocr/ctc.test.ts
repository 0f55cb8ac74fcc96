import { describe, expect, it } from 'vitest';
import { decodeCtc } from './ctc.ts';

const alphabet = ['', 'a', 'b', ' '];
const steps = (...classes: number[]) => classes.flatMap((k) => alphabet.map((_, i) => (i === k ? 0.9 : 0.01)));

describe('decodeCtc', () => {
  it('counts repeats once, unless a blank stands between them', () => {
    expect(decodeCtc(steps(0, 1, 1, 0, 1, 2, 2, 3, 0), alphabet)).toEqual({ text: 'aab ', confidence: 0.9 });
  });

  it('reads nothing from blanks', () => expect(decodeCtc(steps(0, 0), alphabet)).toEqual({ text: '', confidence: 0 }));
});
