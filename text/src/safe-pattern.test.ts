import { describe, expect, it } from 'vitest';
import { KNOWN_EXPRESSIONS } from './file/known-expressions.ts';
import { unsafeBecause } from './safe-pattern.ts';

describe('unsafeBecause', () => {
  it.each([...[...KNOWN_EXPRESSIONS].map((expression) => [expression]), ['[]a]+\\]'], ['[[:alpha:]&&[^a]]+']])(
    'lets what real tokenizers have: %s',
    (source) => expect(unsafeBecause(source)).toBeUndefined(),
  );

  it.each([
    ['(a+)+$', 'repeats a group (…)+'],
    ['(?:a|aa)*b', 'repeats a group (?:…)*'],
    ['(a|b){2,30}', 'repeats a group (…){2,30}'],
    ['(a)\\1', 'refers back (\\1)'],
    ['a*a*b', 'goes on after two endless repetitions'],
    ['a*a*a*', 'goes on after two endless repetitions'],
    ['(a*|b)c*(?:d)', 'goes on after two endless repetitions'],
    ['a?'.repeat(30) + 'a'.repeat(30), 'can match in more than 64 ways'],
    ['(a|a)'.repeat(20), 'can match in more than 64 ways'],
    ['x'.repeat(3000), 'has 3000 characters, at most 2048 are taken'],
    ['(a', 'has a group that is not closed'],
    ['a)', 'closes a group that was not opened'],
    ['[a', 'has a class [ that is not closed'],
    ['a\\', 'ends in a backslash'],
  ])('refuses %s', (source, reason) => expect(unsafeBecause(source)).toBe(reason));
});
