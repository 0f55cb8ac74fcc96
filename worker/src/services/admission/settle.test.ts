import { type Admission, Manifest, type TrialReport } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { edgeUnbounded, settle } from './settle.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const NONE = { controlFlow: 'none' } as const;

function manifest(changes: object = {}, sizeBytes = 1000): Manifest {
  const files = [{ path: 'model.onnx', digest, sizeBytes }];
  return Manifest.parse({ format: 'onnx', files, inputs: [], outputs: [], ...changes });
}

const policy = (name: string) => manifest({ placement: { policy: name } });
const found = (changes: Partial<Admission> = {}): Admission => ({ edgeEligible: false, notes: [], ...changes });

function report(changes: Partial<TrialReport> = {}): TrialReport {
  const perItemMs = { 1: 4, 4: 2, 8: 2.5 };
  return { where: 'x', engine: 'e', loadMs: 1, runMs: 4, perItemMs, deterministic: true, shapes: {}, ...changes };
}

describe('settle', () => {
  it('lets what was tried everywhere run everywhere', () => {
    const { state, admission } = settle(found({ edge: report(), node: report() }), manifest(), NONE);
    expect({ state, edgeEligible: admission.edgeEligible }).toEqual({ state: 'ready', edgeEligible: true });
    expect(admission).not.toHaveProperty('edgeReason');
  });

  it.each<[string, Admission, Manifest, RegExp]>([
    ['its policy', found({ edge: report(), node: report() }), policy('node'), /policy is "node"/],
    ['its size', found({ node: report() }), manifest({}, 17 * 1024 ** 2), /at most 16777216 fit/],
    ['its heap', found({ edge: report({ wasmBytes: 40e6 }), node: report() }), manifest(), /takes 40000000 bytes/],
    ['its time', found({ edge: report({ runMs: 6000 }), node: report() }), manifest(), /6000 ms/],
    [
      'a failed load',
      found({ edgeFailure: { kind: 'load', message: 'no kernel' }, node: report() }),
      manifest(),
      /no kernel/,
    ],
  ])('keeps a version off the edge for %s', (_what, admission, of, reason) => {
    const settled = settle(admission, of, NONE);
    expect(settled).toMatchObject({ state: 'ready', admission: { edgeEligible: false } });
    expect(settled.admission.edgeReason).toMatch(reason);
  });

  it.each<[string, Admission, Manifest, RegExp]>([
    [
      'a run that had to be stopped',
      found({ nodeFailure: { kind: 'stopped', message: 'did not end' }, edge: report() }),
      manifest(),
      /did not end/,
    ],
    [
      'failing everywhere',
      found({
        nodeFailure: { kind: 'load', message: 'no Foo' },
        edgeFailure: { kind: 'load', message: 'no Foo either' },
      }),
      manifest(),
      /no Foo.*at the edge.*no Foo either/s,
    ],
    [
      'an edge it asks for and cannot run at',
      found({ edgeFailure: { kind: 'memory', message: 'bad_alloc' }, node: report() }),
      policy('edge'),
      /policy is "edge".*bad_alloc.*"auto" or "node"/s,
    ],
    [
      'a node it asks for that cannot load it',
      found({ nodeFailure: { kind: 'load', message: 'no Foo' }, edge: report() }),
      policy('node'),
      /no Foo/,
    ],
  ])('rejects for %s', (_what, admission, of, reason) => {
    const settled = settle(admission, of, NONE);
    expect(settled.state).toBe('rejected');
    expect(settled.reason).toMatch(reason);
    expect(settled.admission.edgeEligible).toBe(false);
  });

  it('takes what was not tried on a node, for want of one, on trust', () => {
    expect(settle(found(), policy('node'), NONE).state).toBe('ready');
    const large = found({ multiplyAdds: 2e9 });
    expect(settle(large, manifest(), NONE)).toMatchObject({
      state: 'ready',
      admission: { edgeReason: expect.stringContaining('2.0e+9') },
    });
  });

  it('takes a model that refuses generated inputs for one that works on others', () => {
    const nodeFailure = { kind: 'inputs', message: 'seven expected' } as const;
    const settled = settle(found({ nodeFailure }), manifest(), NONE);
    expect(settled.state).toBe('ready');
    expect(settled.admission.edgeReason).toContain('trial.inputs');
  });

  it('batches where that changes no answer and pays', () => {
    const batching = (changes: Partial<TrialReport>) =>
      settle(found({ node: report(changes), edge: report() }), manifest(), NONE).admission.batching;
    expect(batching({ batchInvariant: true })).toEqual({ maxBatchSize: 4 });
    expect(batching({ batchInvariant: true, perItemMs: { 1: 1, 4: 1, 8: 1 } })).toEqual({ maxBatchSize: 1 });
    expect(batching({ batchInvariant: false })).toBeUndefined();
  });
});

describe('edgeUnbounded', () => {
  it.each<[string, Admission, 'none' | 'branches' | 'loops' | 'unknown', boolean]>([
    ['a cheap run', found({ multiplyAdds: 1e6 }), 'none', false],
    ['a run just cheap enough', found({ multiplyAdds: 3.9e8 }), 'none', false],
    ['a dear run', found({ multiplyAdds: 4e8 }), 'none', true],
    ['a dear run that ended on a node', found({ multiplyAdds: 1e12, node: report() }), 'none', false],
    ['a run of unknown cost', found(), 'none', true],
    ['branches', found({ multiplyAdds: 1 }), 'branches', true],
    ['branches that a node bounded', found({ node: report() }), 'branches', false],
    ['loops, whatever a node says', found({ multiplyAdds: 1, node: report() }), 'loops', true],
    ['an .ort file', found(), 'unknown', true],
    ['an .ort file that a node bounded', found({ node: report() }), 'unknown', false],
    [
      'what a node could not run',
      found({ multiplyAdds: 1, nodeFailure: { kind: 'inputs', message: 'm' } }),
      'none',
      true,
    ],
  ])('%s', (_what, admission, controlFlow, unbounded) => {
    expect(edgeUnbounded(admission, { controlFlow }) !== undefined).toBe(unbounded);
  });
});
