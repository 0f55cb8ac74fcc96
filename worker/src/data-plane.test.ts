import { expect, it } from 'vitest';
import { isDataPlane } from './data-plane.ts';

it.each([
  ['/v1', true],
  ['/v2', true],
  ['/v2/', true],
  ['/v1/models', true],
  ['/v2?x', true],
  ['/%761/models', true],
  ['/v1x', false],
  ['/V1', false],
  ['/v3/models', false],
  ['/', false],
  ['/?/v1/', false],
  ['/api/v1/', false],
])('%s: %s', (path, isIt) => {
  expect(isDataPlane(new Request(`https://gateway.example${path}`))).toBe(isIt);
});
