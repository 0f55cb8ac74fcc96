import { describe, expect, it } from 'vitest';
import type { NodeChoice } from './choose-node.ts';
import { type EdgeState, type PlaceInput, place } from './place.ts';

const idle: EdgeState = { ineligible: undefined, unavailable: undefined, waitMs: 0, runMs: 2, loadMs: 0 };

const on = (expectedMs: number, isFull = false) => ({ candidate: {}, expectedMs, isFull }) as NodeChoice<never>;

const input = (changes: Partial<PlaceInput<never>> = {}): PlaceInput<never> => ({
  policy: 'auto',
  asked: undefined,
  edge: idle,
  leftMs: Number.POSITIVE_INFINITY,
  node: () => 'none',
  regions: undefined,
  ...changes,
});

const kindOf = (edge: Partial<EdgeState>, node: NodeChoice<never> | 'none' | 'unknown', leftMs?: number) =>
  place(input({ edge: { ...idle, ...edge }, node: () => node, ...(leftMs === undefined ? {} : { leftMs }) })).kind;

describe('policy and wishes', () => {
  it('are kept: what is not allowed is refused, and a wish is never moved elsewhere', () => {
    const tooLarge = { ...idle, ineligible: 'too large' };
    const stopped = { ...idle, unavailable: 'stopped' };
    const code = (changes: Partial<PlaceInput<never>>) => {
      const decision = place(input({ node: () => on(1), ...changes }));
      return decision.kind === 'refused' ? decision.code : decision.kind;
    };
    expect(code({ policy: 'node', asked: 'edge' })).toBe('placement_not_allowed');
    expect(code({ policy: 'edge', asked: 'node' })).toBe('placement_not_allowed');
    expect(code({ asked: 'edge', edge: tooLarge })).toBe('placement_not_allowed');
    expect(code({ policy: 'edge', edge: tooLarge })).toBe('no_placement');
    expect(code({ asked: 'edge', edge: stopped })).toBe('no_placement');
    expect(code({ asked: 'edge', edge: { ...idle, waitMs: 1e6 } })).toBe('edge');
    expect(code({ asked: 'node' })).toBe('node');
    expect(code({ asked: 'node', node: () => 'none' })).toBe('no_placement');
    expect(code({ policy: 'node', node: () => 'unknown' })).toBe('ask');
    expect(code({ edge: stopped })).toBe('node');
    expect(code({ edge: tooLarge, node: () => 'none' })).toBe('no_placement');
  });

  it('says which region has no node, and why it is not the edge', () => {
    const decision = place(input({ edge: { ...idle, ineligible: 'too large' }, regions: ['eu'] }));
    expect(decision).toMatchObject({ message: expect.stringMatching(/none is ready in eu.*edge: too large/) });
  });
});

describe('the edge or a node', () => {
  it('is the edge, and nobody is asked, where a node could save nothing', () => {
    const node = () => {
      throw new Error('asked');
    };
    expect(place(input({ node }))).toEqual({ kind: 'edge' });
    expect(place(input({ node, edge: { ...idle, waitMs: 40, loadMs: 50 }, leftMs: 100 }))).toEqual({ kind: 'edge' });
  });

  it('is what would answer sooner', () => {
    expect(kindOf({ runMs: 300 }, on(100))).toBe('node');
    expect(kindOf({ runMs: 120 }, on(100))).toBe('edge');
    expect(kindOf({ waitMs: 300 }, on(100))).toBe('node');
    expect(kindOf({ waitMs: 300 }, on(1_000))).toBe('edge');
    expect(kindOf({ runMs: 300 }, 'none')).toBe('edge');
  });

  it('waits for news of the fleet only where the edge would take long', () => {
    expect(kindOf({ runMs: 300 }, 'unknown')).toBe('edge');
    expect(kindOf({ runMs: 3_000 }, 'unknown')).toBe('ask');
    expect(kindOf({ runMs: 300 }, 'unknown', 200)).toBe('ask');
  });

  it('spills to the edge where nodes are full, whatever it has to do', () => {
    expect(kindOf({ runMs: 300 }, on(1, true))).toBe('edge');
  });

  it('counts a tenth of a load, and makes the edge ready where only that speaks against it', () => {
    expect(kindOf({ loadMs: 400 }, on(5))).toBe('edge');
    const cold = place(input({ edge: { ...idle, loadMs: 2_000 }, node: () => on(5) }));
    expect(cold).toMatchObject({ kind: 'node', warmsEdge: true });
    const slow = place(input({ edge: { ...idle, loadMs: 2_000, runMs: 100 }, node: () => on(5) }));
    expect(slow).toMatchObject({ kind: 'node', warmsEdge: false });
  });
});

describe('a deadline', () => {
  it('takes what makes it, though another would be sooner otherwise', () => {
    expect(kindOf({ loadMs: 400 }, on(20), 100)).toBe('node');
    expect(kindOf({ runMs: 30 }, on(5), 20)).toBe('node');
    expect(kindOf({ runMs: 30 }, on(200), 100)).toBe('edge');
  });

  it('that nothing makes takes what is soonest, unless what waits makes it hopeless', () => {
    expect(kindOf({ runMs: 300 }, on(100), 10)).toBe('node');
    expect(kindOf({ runMs: 90 }, on(100), 10)).toBe('edge');
    expect(kindOf({ waitMs: 19 }, 'none', 10)).toBe('edge');
    const late = place(input({ edge: { ...idle, waitMs: 2_100 }, leftMs: 1_000 }));
    expect(late).toMatchObject({ kind: 'refused', code: 'overloaded', retryAfterSeconds: 3 });
  });
});
