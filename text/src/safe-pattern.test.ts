import { describe, expect, it } from 'vitest';
import { unsafeBecause } from './safe-pattern.ts';

/** Of GPT-4's cl100k, which Llama 3 and Qwen took over. */
const CL100K =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/** One alternative of GPT-4o's. */
const O200K =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?";

describe('unsafeBecause', () => {
  it.each([
    [CL100K],
    [O200K],
    ["'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"],
    [' {2,}'],
    ['\\s+'],
    ['[]a]+\\]'],
    ['[[:alpha:]&&[^a]]+'],
  ])('lets what real tokenizers have: %s', (source) => expect(unsafeBecause(source)).toBeUndefined());

  it.each([
    ['(a+)+$', 'repeats a group (…)+'],
    ['(?:a|aa)*b', 'repeats a group (?:…)*'],
    ['(a|b){2,30}', 'repeats a group (…){2,30}'],
    ['(a)\\1', 'refers back (\\1)'],
    ['a*a*b', 'goes on after two endless repetitions'],
    ['a*a*a*', 'goes on after two endless repetitions'],
    ['(a*|b)c*(?:d)', 'goes on after two endless repetitions'],
    ['a?'.repeat(30) + 'a'.repeat(30), 'can match in more than 4096 ways'],
    ['(a|a)'.repeat(20), 'can match in more than 4096 ways'],
    ['x'.repeat(3000), 'has 3000 characters, at most 2048 are taken'],
    ['(a', 'has a group that is not closed'],
    ['a)', 'closes a group that was not opened'],
    ['[a', 'has a class [ that is not closed'],
    ['a\\', 'ends in a backslash'],
  ])('refuses %s', (source, reason) => expect(unsafeBecause(source)).toBe(reason));
});
