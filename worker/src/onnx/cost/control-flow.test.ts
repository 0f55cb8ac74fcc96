import { describe, expect, it } from 'vitest';
import { boundOf, filled, followed, int64s, made, outcome, written, x } from './test-graph.ts';

const PER_NODE = 1_000;
const PER_MATRIX = 64;
const PER_SPAN = 32;
const PER_TURN = 10_000;

const multiplyAdds = async (...given: Parameters<typeof boundOf>) => {
  const bound = await boundOf(...given);
  return bound.known ? bound.multiplyAdds : bound.because;
};

describe('If', () => {
  const bool = (given: number) => ({ name: 'c', dims: [], dataType: 9, int32Data: [given] });
  const body = (output: string, ...node: ReturnType<typeof made>[]) => ({
    name: 'b',
    node,
    output: [{ name: output }],
  });
  const branches = {
    then_branch: body('p', made('MatMul', ['x', 'x'], ['p'])),
    else_branch: body('q', made('Relu', ['x'], ['q'])),
  };
  const nodes = [made('If', ['c'], ['out'], {}, branches)];
  const shapes = { x: [50, 50] };

  it('takes the larger of its branches', async () => {
    const inputs = { x: [50, 50], c: [] };
    const bound = await multiplyAdds({ inputs, types: { c: 9 }, nodes }, { ...shapes, c: [] });
    expect(bound).toBe(PER_TURN + PER_NODE + PER_MATRIX + 50 ** 3 + 2 * 50 ** 2);
  });

  it('takes the branch that a known condition chooses', async () => {
    const yes = await multiplyAdds({ ...x(50, 50), weights: [bool(1)], nodes }, shapes);
    const no = await multiplyAdds({ ...x(50, 50), weights: [bool(0)], nodes }, shapes);
    expect([yes, no]).toEqual([
      PER_TURN + PER_NODE + PER_MATRIX + 50 ** 3 + 2 * 50 ** 2,
      PER_TURN + PER_NODE + 2 * 50 ** 2,
    ]);
  });

  it('counts what the other branch has of constants, which the runtime computes at once', async () => {
    const heavy = body('p', made('MatMul', ['w', 'w'], ['p']));
    const node = made('If', ['c'], ['out'], {}, { ...branches, then_branch: heavy });
    const weights = [bool(0), filled('w', [200, 200])];
    expect(await multiplyAdds({ ...x(50, 50), weights, nodes: [node] }, shapes)).toBeGreaterThan(200 ** 3);
  });

  it('lets pass a branch for another rank, unless more depends on it', async () => {
    const squeeze = made('Squeeze', ['x', 'axis'], ['p']);
    const weights = [bool(0), int64s('axis', [0])];
    const passed = made('If', ['c'], ['out'], {}, { ...branches, then_branch: body('p', squeeze) });
    expect(await outcome({ ...x(50, 50), weights, nodes: [passed] }, shapes)).toMatchObject({ shape: [50, 50] });
    const deeper = body('r', squeeze, made('Shape', ['p'], ['s']), made('ConstantOfShape', ['s'], ['r']));
    const failed = made('If', ['c'], ['out'], {}, { ...branches, then_branch: deeper });
    expect(await outcome({ ...x(50, 50), weights, nodes: [failed] }, shapes)).toContain('branch that is not taken');
  });

  it('has an output of unknown shape when its branches differ', async () => {
    const node = made(
      'If',
      ['c'],
      ['out'],
      {},
      { ...branches, else_branch: body('q', made('Flatten', ['x'], ['q'], { axis: 0 })) },
    );
    const out = await outcome({ inputs: { x: [50, 50], c: [] }, types: { c: 9 }, nodes: [node] }, { ...shapes, c: [] });
    expect(out).toMatchObject({ shape: undefined, most: 2500 });
  });
});

describe('Loop and Scan', () => {
  const body = {
    name: 'b',
    input: ['i', 'go', 'state'].map((name) => ({ name })),
    node: [made('Identity', ['go'], ['on']), made('MatMul', ['state', 'x'], ['next']), made('Neg', ['next'], ['row'])],
    output: ['on', 'next', 'row'].map((name) => ({ name })),
  };
  const loop = made('Loop', ['m', '', 'x'], ['out', 'rows'], {}, { body });
  const turn = PER_TURN + 3 * PER_NODE + 4 + PER_MATRIX + 20 ** 3 + 2 * 20 ** 2 + 2 * 20 ** 2;
  const shapes = { x: [20, 20] };

  it('takes its body as often as it runs at most', async () => {
    const graph = { ...x(20, 20), weights: [int64s('m', [7], [])], nodes: [loop] };
    expect(await multiplyAdds(graph, shapes)).toBe(7 * turn);
    const { tensors } = await followed(written(graph), shapes);
    expect(tensors.get('rows')).toMatchObject({ shape: undefined, most: 7 * 400 });
    expect(await multiplyAdds({ ...graph, weights: [int64s('m', [0], [])] }, shapes)).toBe(turn);
    expect(await multiplyAdds({ ...graph, weights: [int64s('m', [2 ** 62], [])] }, shapes)).toContain(
      'than can be counted',
    );
  });

  it('is not known when data decides how often it runs, or when it grows', async () => {
    const given = { inputs: { x: [20, 20], m: [] }, types: { m: 7 }, nodes: [loop] };
    expect(await multiplyAdds(given, { ...shapes, m: [] })).toContain('node "out" ("Loop")');
    const endless = made('Loop', ['', '', 'x'], ['out', 'rows'], {}, { body });
    expect(await multiplyAdds({ ...x(20, 20), nodes: [endless] }, shapes)).toContain('depends on data');
    const doubling = [made('Identity', ['go'], ['on']), made('Concat', ['state', 'state'], ['next'], { axis: 0 })];
    const growing = { ...body, node: [...doubling, made('Neg', ['next'], ['row'])] };
    const nodes = [made('Loop', ['m', '', 'x'], ['out', 'rows'], {}, { body: growing })];
    expect(await multiplyAdds({ ...x(20, 20), weights: [int64s('m', [7], [])], nodes }, shapes)).toContain(
      'changes its shape',
    );
  });

  it('Scan runs as often as its axis is long', async () => {
    const step = {
      name: 'b',
      input: ['state', 'part'].map((name) => ({ name })),
      node: [made('Add', ['state', 'part'], ['next']), made('Neg', ['next'], ['row'])],
      output: ['next', 'row'].map((name) => ({ name })),
    };
    const scan = made('Scan', ['s', 'x'], ['last', 'rows'], { num_scan_inputs: 1 }, { body: step });
    const graph = { ...x(9, 4), weights: [filled('s', [4])], nodes: [scan], outputs: ['last'] };
    expect(await multiplyAdds(graph, { x: [9, 4] })).toBe(9 * (PER_TURN + 2 * PER_NODE + PER_SPAN + 12 + 8));
    const { tensors } = await followed(written(graph), { x: [9, 4] });
    expect(tensors.get('rows')).toMatchObject({ shape: [9, 4] });
  });
});
