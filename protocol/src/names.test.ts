import { describe, expect, it } from 'vitest';
import { AliasName, parseReference } from './names.ts';

describe('parseReference', () => {
  it.each([
    ['digits', { model: 'digits' }],
    ['digits@3', { model: 'digits', version: 3 }],
    ['digits@production', { model: 'digits', alias: 'production' }],
    ['a.b_c-d@x1', { model: 'a.b_c-d', alias: 'x1' }],
  ])('%s', (text, reference) => expect(parseReference(text)).toEqual(reference));

  it.each(['', 'Digits', '-a', 'a/b', 'a b', 'é', 'a'.repeat(64), '@3'])('says that no model can be named %j', (text) =>
    expect(() => parseReference(text)).toThrow(/no model can be named/),
  );

  it.each(['a@', 'a@0', 'a@latest', 'a@A', 'a@1.5', 'a@b@c', 'a@9999999999'])('refuses %s', (text) =>
    expect(() => parseReference(text)).toThrow(/names no version and no alias/),
  );

  it('never takes "latest" for an alias', () => expect(AliasName.safeParse('latest').success).toBe(false));
});
