import { describe, expect, it } from 'vitest';
import { type PlaceCandidate, type PlaceInput, place } from './place.ts';

const node = (id: string, changes: Partial<PlaceCandidate> = {}): PlaceCandidate => ({
  id,
  region: null,
  pending: 0,
  has: false,
  requestMs: undefined,
  ...changes,
});

const input = (changes: Partial<PlaceInput> = {}): PlaceInput => ({
  policy: 'auto',
  asked: undefined,
  edge: { ineligible: undefined, unavailable: undefined },
  nodes: [],
  regions: undefined,
  versionDigest: 'v',
  ...changes,
});

describe('place', () => {
  it('prefers the edge where it is possible', () => {
    expect(place(input({ nodes: [node('a')] }))).toEqual({ kind: 'edge', otherwise: ['a'] });
    expect(place(input({}))).toEqual({ kind: 'edge', otherwise: [] });
    expect(place(input({ asked: 'edge', nodes: [node('a')] }))).toEqual({ kind: 'edge', otherwise: [] });
  });

  it('takes a node when the edge cannot', () => {
    const edge = { ineligible: 'too large', unavailable: undefined };
    expect(place(input({ edge, nodes: [node('a')] }))).toEqual({ kind: 'node', ids: ['a'] });
    const dead = { ineligible: undefined, unavailable: 'stopped' };
    expect(place(input({ edge: dead, nodes: [node('a')] }))).toEqual({ kind: 'node', ids: ['a'] });
  });

  it('refuses what the policy does not allow', () => {
    expect(place(input({ policy: 'node', asked: 'edge' }))).toMatchObject({ code: 'placement_not_allowed' });
    expect(place(input({ policy: 'edge', asked: 'node' }))).toMatchObject({ code: 'placement_not_allowed' });
    const edge = { ineligible: 'too large', unavailable: undefined };
    expect(place(input({ asked: 'edge', edge }))).toMatchObject({ code: 'placement_not_allowed' });
  });

  it('never moves a wish elsewhere', () => {
    expect(place(input({ asked: 'node' }))).toMatchObject({ kind: 'refused', code: 'no_placement' });
    const edge = { ineligible: undefined, unavailable: 'stopped' };
    expect(place(input({ asked: 'edge', edge, nodes: [node('a')] }))).toMatchObject({ code: 'no_placement' });
  });

  it('keeps to the regions a model is pinned to', () => {
    const nodes = [node('a', { has: true, region: 'us' }), node('b', { pending: 5, region: 'eu' })];
    expect(place(input({ policy: 'node', nodes, regions: ['eu'] }))).toEqual({ kind: 'node', ids: ['b'] });
    expect(place(input({ policy: 'node', nodes, regions: ['ap'] }))).toMatchObject({ code: 'no_placement' });
  });
});

describe('the order of nodes', () => {
  const order = (nodes: PlaceCandidate[], versionDigest = 'v') => {
    const decision = place(input({ policy: 'node', nodes, versionDigest }));
    return decision.kind === 'node' ? decision.ids : [];
  };

  it('puts first who has the version, and of those who has the least to do', () => {
    const nodes = [node('busy', { pending: 9, has: true }), node('idle'), node('fit', { pending: 1, has: true })];
    expect(order(nodes)).toEqual(['fit', 'busy', 'idle']);
  });

  it('spills where the wait is longer than a load elsewhere, to who is not busy itself', () => {
    const loaded = (pending: number) => node('has', { pending, has: true, requestMs: 20 });
    expect(order([loaded(99), node('idle')])[0]).toBe('has');
    expect(order([loaded(100), node('idle')])[0]).toBe('idle');
    expect(order([loaded(100), node('busy', { pending: 16 })])[0]).toBe('has');
    expect(order([loaded(100), node('also', { pending: 50, has: true, requestMs: 20 }), node('idle')])[0]).toBe('also');
  });

  it('loads a version where every isolate would, whatever little there is to do, and spreads versions', () => {
    const nodes = Array.from({ length: 4 }, (_, i) => node(`node_01KB0000000000000000000${i}`));
    const firsts = Array.from({ length: 200 }, (_, i) => order(nodes, `sha256:${i}`)[0]);
    for (const { id } of nodes) expect(firsts.filter((first) => first === id).length).toBeGreaterThan(25);
    const [first, second] = order(nodes);
    const at = (id: string | undefined, pending: number) =>
      nodes.map((one) => (one.id === id ? { ...one, pending } : one)).toReversed();
    expect(order(at(first, 15))[0]).toBe(first);
    expect(order(at(first, 16))[0]).toBe(second);
  });
});
