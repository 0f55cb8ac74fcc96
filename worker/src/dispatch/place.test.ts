import { describe, expect, it } from 'vitest';
import { type PlaceCandidate, type PlaceInput, place } from './place.ts';

const node = (id: string, pending = 0, loaded: string[] = [], region: string | null = null): PlaceCandidate => ({
  id,
  region,
  pending,
  loaded: new Set(loaded),
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

  it('orders nodes by whether they have the model, then by what they have to do', () => {
    const nodes = [node('busy', 9, ['v']), node('idle', 0), node('ready', 1, ['v'])];
    expect(place(input({ policy: 'node', nodes }))).toEqual({ kind: 'node', ids: ['ready', 'busy', 'idle'] });
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
    const nodes = [node('a', 0, ['v'], 'us'), node('b', 5, [], 'eu')];
    expect(place(input({ policy: 'node', nodes, regions: ['eu'] }))).toEqual({ kind: 'node', ids: ['b'] });
    expect(place(input({ policy: 'node', nodes, regions: ['ap'] }))).toMatchObject({ code: 'no_placement' });
  });
});
