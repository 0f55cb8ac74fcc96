import type { Manifest } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { versionDigest } from './version-digest.ts';

const manifest = (labels: string[]): Manifest => ({
  task: 'tensor',
  placement: { policy: 'auto' },
  cache: { ttlSeconds: 60, scope: 'team' },
  stateful: false,
  format: 'onnx',
  files: [{ path: 'model.onnx', digest: `sha256:${'a'.repeat(64)}`, sizeBytes: 1 }],
  inputs: [],
  outputs: [],
  labels,
});

describe('versionDigest', () => {
  it('covers what changes answers, and nothing else', async () => {
    const digest = await versionDigest(manifest(['a']));
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await versionDigest({ ...manifest(['a']), card: 'text', license: 'MIT' })).toBe(digest);
    expect(await versionDigest(manifest(['b']))).not.toBe(digest);
  });

  it('takes half a surrogate pair as U+FFFD', async () => {
    expect(await versionDigest(manifest(['\ud800']))).toBe(await versionDigest(manifest(['\ufffd'])));
    const preprocessing = { '\udc00': 1 };
    expect(await versionDigest({ ...manifest([]), preprocessing })).toMatch(/^sha256:/);
  });
});
