/** Where pushed files go in a version. */
import { expect, it } from 'vitest';
import { pushFiles } from './push.ts';

const paths = (files: string[], root?: string) => pushFiles(files, root).map(({ path }) => path);

it('takes names alone, or paths from a root', () => {
  expect(paths(['out/model.onnx', 'vocab.txt'])).toEqual(['model.onnx', 'vocab.txt']);
  expect(paths(['out/model.onnx', 'out/text/vocab.txt'], 'out')).toEqual(['model.onnx', 'text/vocab.txt']);
  expect(paths(['./out/../out/model.onnx'], './out/')).toEqual(['model.onnx']);
});

it('refuses what lies outside, what would meet at one path, and what a version cannot hold', () => {
  expect(() => paths(['model.onnx'], 'out')).toThrow('is not under --path-root');
  expect(() => paths(['out'], 'out')).toThrow('is not under --path-root');
  expect(() => paths(['a/model.onnx', 'b/model.onnx'])).toThrow('names a path twice');
  expect(() => paths(['model with spaces.onnx'])).toThrow('model with spaces.onnx: expected a relative path');
});
