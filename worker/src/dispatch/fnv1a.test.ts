import { expect, it } from 'vitest';
import { fnv1a } from './fnv1a.ts';

it('is the published FNV-1a, of a text at once or in parts', () => {
  expect(fnv1a('a')).toBe(0xe40c292c);
  expect(fnv1a('foobar')).toBe(0xbf9cf968);
  expect(fnv1a('bar', fnv1a('foo'))).toBe(fnv1a('foobar'));
});
