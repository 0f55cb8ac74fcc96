import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readModelDirectory } from './model-directory.ts';

async function directory(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'models-'));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

describe('readModelDirectory', () => {
  it('finds versions by number, with the files beside them', async () => {
    const root = await directory({
      'b/10/model.onnx': 'xx',
      'b/9/model.ort': 'x',
      'b/9/labels.json': '[]',
      'b/9/weights/part.bin': 'abc',
      'b/9/.DS_Store': 'x',
      'b/9/a name.txt': 'x',
      'b/old/model.onnx': 'x',
      'a/1/model.onnx': 'x',
      'a/1/manifest.json': '{"task":"embedding"}',
      'README.md': 'x',
      '.git/1/model.onnx': 'x',
    });
    const { versions, faults } = await readModelDirectory(root);
    expect(faults).toEqual([]);
    expect(versions.map(({ model, version, format }) => [model, version, format])).toEqual([
      ['a', 1, 'onnx'],
      ['b', 9, 'ort'],
      ['b', 10, 'onnx'],
    ]);
    expect(versions[0]?.manifest.task).toBe('embedding');
    expect(versions[1]?.files.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
      ['model.ort', 1],
      ['labels.json', 2],
      ['weights/part.bin', 3],
    ]);
  });

  it('follows links, to nowhere and in circles too', async () => {
    const root = await directory({ 'a/1/model.onnx': 'x' });
    await symlink(join(root, 'a'), join(root, 'linked'));
    await symlink(join(root, 'a/1'), join(root, 'a/1/again'));
    await symlink(join(root, 'gone'), join(root, 'a/1/gone.bin'));
    await symlink(join(root, 'gone'), join(root, 'gone'));
    const { versions, faults } = await readModelDirectory(root);
    expect(faults).toEqual([]);
    expect(versions.map(({ model }) => model)).toEqual(['a', 'linked']);
  });

  it.each<[string, Record<string, string>, string, string]>([
    ['a name', { 'Big_Model/1/model.onnx': 'x' }, 'Big_Model', 'no model can be named so: expected 1 to 63 of a-z'],
    ['no version', { 'a/latest/model.onnx': 'x' }, 'a', 'it has no version'],
    ['no model', { 'a/1/net.onnx': 'x' }, 'a', 'expected model.onnx or model.ort'],
    ['two models', { 'a/1/model.onnx': 'x', 'a/1/model.ort': 'x' }, 'a', 'it has two models'],
    ['broken JSON', { 'a/1/model.onnx': 'x', 'a/1/manifest.json': '{' }, 'a', 'is no JSON'],
    ['an unknown field', { 'a/1/model.onnx': 'x', 'a/1/manifest.json': '{"colour":1}' }, 'a', 'colour'],
    ['another format', { 'a/1/model.onnx': 'x', 'a/1/manifest.json': '{"format":"ort"}' }, 'a', 'the format ort'],
  ])('tells of %s, and serves the others', async (_what, files, name, part) => {
    const { versions, faults } = await readModelDirectory(await directory({ ...files, 'good/1/model.onnx': 'x' }));
    expect(faults).toEqual([expect.objectContaining({ name, reason: expect.stringContaining(part) })]);
    expect(versions.map(({ model }) => model)).toEqual(['good']);
  });

  it('does not take an absent directory for an empty one', async () => {
    await expect(readModelDirectory('/nowhere')).rejects.toThrow('ENOENT');
  });
});
