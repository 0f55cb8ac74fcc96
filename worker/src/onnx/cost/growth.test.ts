import type { TensorSpec } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { readModel } from '../read-model.ts';
import { CountingSource } from '../test-source.ts';
import { boundCostOf } from './bound-cost.ts';
import { costGrowth } from './growth.ts';
import { made, type Written, written } from './test-graph.ts';

const spec = (name: string, ...shape: number[]): TensorSpec => ({ name, datatype: 'FP32', shape });

async function growth(graph: Written, inputs: TensorSpec[], shapes: Record<string, number[]>) {
  const model = await readModel(new CountingSource(written(graph)));
  const table = costGrowth(model, inputs, shapes);
  const bound = (at: Record<string, number[]>) => {
    const cost = boundCostOf(model, at);
    if (!cost.known) throw new Error(cost.because);
    return cost.multiplyAdds;
  };
  return { table, bound, at: (elements: number) => table.find((entry) => entry.elements === elements)?.multiplyAdds };
}

/** Each row with each: cost grows with the square of the rows. */
const pairs = [made('Transpose', ['x'], ['t'], { perm: [0, 2, 1] }), made('MatMul', ['x', 't'], ['out'])];

describe('the growth of cost', () => {
  it('is that of the axis which costs most', async () => {
    const graph = { inputs: { x: ['b', 's', 8] }, nodes: pairs };
    const { table, bound, at } = await growth(graph, [spec('x', -1, -1, 8)], { x: [1, 16, 8] });
    expect(table[0]).toEqual({ elements: 128, multiplyAdds: bound({ x: [1, 16, 8] }) });
    expect(at(128 * 4)).toBe(bound({ x: [1, 64, 8] }));
    expect(at(128 * 256)).toBe(bound({ x: [1, 4096, 8] }));
    expect(bound({ x: [256, 16, 8] })).toBeLessThan(at(128 * 256) ?? 0);
    // It ends where nobody waits for a run any more.
    expect(table.at(-1)?.multiplyAdds).toBeGreaterThan(1e12);
    expect(table.at(-2)?.multiplyAdds).toBeLessThan(1e12);
  });

  it('is that of the dearer branch of an If', async () => {
    const branch = (node: ReturnType<typeof made>[], name: string) => ({ name: 'g', node, output: [{ name }] });
    const dear = [made('Transpose', ['x'], ['t'], { perm: [0, 2, 1] }), made('MatMul', ['x', 't'], ['dear'])];
    const cheap = [made('Neg', ['x'], ['cheap'])];
    const choice = made(
      'If',
      ['c'],
      ['out'],
      {},
      { then_branch: branch(cheap, 'cheap'), else_branch: branch(dear, 'dear') },
    );
    const graph = { inputs: { x: ['b', 's', 8], c: [] }, types: { c: 9 }, nodes: [choice] };
    const inputs = [spec('x', -1, -1, 8), { name: 'c', datatype: 'BOOL' as const, shape: [] }];
    const { table } = await growth(graph, inputs, { x: [1, 16, 8], c: [] });
    const entry = table.find(({ elements }) => elements >= 128 * 256);
    expect(entry?.multiplyAdds).toBeGreaterThan(4096 * 4096 * 8);
  });

  it('is assumed for axes that must agree between inputs, and what is known counts where it is more', async () => {
    const graph = { inputs: { x: ['b', 4], y: [4, 'b'] }, nodes: [made('MatMul', ['y', 'x'], ['out'])] };
    const { bound, at } = await growth(graph, [spec('x', -1, 4), spec('y', 4, -1)], { x: [16, 4], y: [4, 16] });
    const start = bound({ x: [16, 4], y: [4, 16] });
    expect(at(128 * 64)).toBe(start * 64 ** 1.5);
    expect(bound({ x: [1024, 4], y: [4, 1024] })).toBeLessThan(start * 64 ** 1.5);
  });

  it('is not told where nothing grows or nothing is known', async () => {
    const neg = { inputs: { x: [4] }, nodes: [made('Neg', ['x'], ['out'])] };
    expect((await growth(neg, [spec('x', 4)], { x: [4] })).table).toEqual([]);
    const unknown = { inputs: { x: ['n'] }, nodes: [made('local::Strange', ['x'], ['out'])] };
    expect((await growth(unknown, [spec('x', -1)], { x: [4] })).table).toEqual([]);
  });
});
