import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { MAX_NODES } from '../collect.ts';
import { boundOf, type Case, filled, floats, int64s, made, outcome, type Written, x } from './test-graph.ts';

const TOO_MUCH = 1e9;
const UNCOUNTABLE = 'than can be counted';

describe('a bomb', () => {
  it('of products of constants is counted', async () => {
    const square = made('ConstantOfShape', ['s'], ['t0']);
    const chain = Array.from({ length: MAX_NODES - 1 }, (_, index) =>
      made('MatMul', [`t${index}`, 't0'], [`t${index + 1}`]),
    );
    const bound = await boundOf({ weights: [int64s('s', [1800, 1800])], nodes: [square, ...chain] });
    expect(bound).toMatchObject({ known: true });
    expect(bound.known && bound.multiplyAdds).toBeGreaterThan((MAX_NODES - 1) * 1800 ** 3);
  });

  it('of products whose result nobody takes is counted', async () => {
    const nodes = [
      made('ConstantOfShape', ['s'], ['t']),
      made('MatMul', ['t', 't'], ['u']),
      made('Relu', ['x'], ['out']),
    ];
    const bound = await boundOf({ ...x(2), weights: [int64s('s', [1800, 1800])], nodes }, { x: [2] });
    expect(bound.known && bound.multiplyAdds).toBeGreaterThan(1800 ** 3);
  });

  const bombs: [string, Written][] = [
    [
      'Expand',
      { weights: [floats('v', [1]), int64s('s', [50_000, 50_000])], nodes: [made('Expand', ['v', 's'], ['out'])] },
    ],
    ['Tile', { weights: [floats('v', [1]), int64s('s', [2_000_000_000])], nodes: [made('Tile', ['v', 's'], ['out'])] }],
    ['ConstantOfShape', { weights: [int64s('s', [50_000, 50_000])], nodes: [made('ConstantOfShape', ['s'], ['out'])] }],
    [
      'Range',
      {
        weights: [int64s('a', [0], []), int64s('b', [4_000_000_000], []), int64s('c', [1], [])],
        nodes: [made('Range', ['a', 'b', 'c'], ['out'])],
      },
    ],
    [
      'Resize',
      {
        ...x(1, 1, 4, 4),
        weights: [floats('s', [1, 1, 20_000, 20_000])],
        nodes: [made('Resize', ['x', '', 's'], ['out'])],
      },
    ],
    [
      'Pad',
      {
        ...x(1, 1, 4, 4),
        weights: [int64s('s', [0, 0, 40_000, 0, 0, 0, 0, 40_000])],
        nodes: [made('Pad', ['x', 's'], ['out'])],
      },
    ],
    [
      'Conv with large pads',
      {
        ...x(1, 1, 4, 4),
        weights: [filled('w', [1, 1, 3, 3])],
        nodes: [made('Conv', ['x', 'w'], ['out'], { pads: [30_000, 30_000, 30_000, 30_000] })],
      },
    ],
    [
      'MaxPool of a large window',
      {
        ...x(1, 1, 4, 4),
        nodes: [made('MaxPool', ['x'], ['out'], { kernel_shape: [3_000, 3_000], pads: [2_999, 2_999, 2_999, 2_999] })],
      },
    ],
    [
      'OneHot',
      {
        weights: [int64s('i', [0]), int64s('d', [3_000_000_000], []), floats('v', [0, 1])],
        nodes: [made('OneHot', ['i', 'd', 'v'], ['out'])],
      },
    ],
    [
      'NonMaxSuppression',
      {
        weights: [filled('b', [1, 3_000, 4]), filled('s', [1, 10, 3_000]), int64s('m', [3_000])],
        nodes: [made('NonMaxSuppression', ['b', 's', 'm'], ['out'])],
      },
    ],
    ['HannWindow', { weights: [int64s('n', [2_000_000_000], [])], nodes: [made('HannWindow', ['n'], ['out'])] }],
    ['RandomNormal', { nodes: [made('RandomNormal', [], ['out'], { shape: [40_000, 40_000] })] }],
  ];
  it.each(bombs)('%s is counted', async (_, graph) => {
    const bound = await boundOf(graph, { x: [1, 1, 4, 4] });
    expect(bound).toMatchObject({ known: true });
    expect(bound.known && bound.multiplyAdds).toBeGreaterThan(TOO_MUCH);
  });

  it('of many dimensions is not counted', async () => {
    const graph = {
      weights: [int64s('s', Array<number>(8).fill(100_000))],
      nodes: [made('ConstantOfShape', ['s'], ['out'])],
    };
    expect(await outcome(graph)).toContain(UNCOUNTABLE);
    const deep = {
      weights: [int64s('s', Array<number>(17).fill(1))],
      nodes: [made('ConstantOfShape', ['s'], ['out'])],
    };
    expect(await outcome(deep)).toContain('has 17 dimensions');
  });

  it('of doubling is not counted beyond 2^53, and takes no time', async () => {
    const nodes = Array.from({ length: 100 }, (_, index) =>
      made('Concat', [`t${index}`, `t${index}`], [`t${index + 1}`], { axis: 0 }),
    );
    const graph = { weights: [filled('t0', [1000])], nodes };
    expect(await outcome(graph)).toContain(UNCOUNTABLE);
  });
});

describe('nothing is told of', () => {
  const cases: [string, Omit<Case, 'title'> & Written, string][] = [
    [
      'an operator that is not known',
      { ...x(2), nodes: [made('StringNormalizer', ['x'], ['out'])] },
      'node "out" ("StringNormalizer"): what it takes is not known',
    ],
    [
      'an operator of a foreign domain',
      { ...x(2), nodes: [made('custom::Op', ['x'], ['out'])] },
      'node "out" ("custom::Op"): no runtime has it',
    ],
    ['an old opset', { ...x(2), opset: 6, nodes: [made('Relu', ['x'], ['out'])] }, 'operators of opset 6'],
    [
      'texts',
      { inputs: { x: [2] }, shapes: { x: [2] }, types: { x: 8 }, nodes: [made('Identity', ['x'], ['out'])] },
      'texts are of any length',
    ],
    [
      'negative dimensions',
      { weights: [int64s('s', [2, -3])], nodes: [made('ConstantOfShape', ['s'], ['out'])] },
      'of the shape [2, -3]',
    ],
    [
      'a dimension of 2^62',
      { weights: [int64s('s', [2 ** 62])], nodes: [made('ConstantOfShape', ['s'], ['out'])] },
      'of the shape',
    ],
    [
      'pads that cut off more than there is',
      { ...x(2), weights: [int64s('p', [-3, 0])], nodes: [made('Pad', ['x', 'p'], ['out'])] },
      'of the shape [-1]',
    ],
    [
      'a range without steps',
      { weights: [int64s('a', [0], [])], nodes: [made('Range', ['a', 'a', 'a'], ['out'])] },
      'in steps of 0',
    ],
    [
      'a slice without steps',
      { ...x(2), weights: [int64s('a', [0])], nodes: [made('Slice', ['x', 'a', 'a', 'a', 'a'], ['out'])] },
      'in steps of 0',
    ],
    [
      'shapes that do not fit',
      { ...x(2), weights: [filled('w', [3])], nodes: [made('Add', ['x', 'w'], ['out'])] },
      '[2] and [3] do not fit',
    ],
    [
      'a tensor with two makers',
      { ...x(2), nodes: [made('Relu', ['x'], ['out']), made('Neg', ['x'], ['out'])] },
      'two nodes make the same tensor',
    ],
    [
      'a weight that is made',
      { ...x(2), weights: [filled('out', [2])], nodes: [made('Neg', ['x'], ['out'])] },
      '"out" is made twice',
    ],
    [
      'a weight that is there twice',
      { weights: [int64s('s', [1]), int64s('s', [9])], nodes: [made('ConstantOfShape', ['s'], ['out'])] },
      '"s" is made twice',
    ],
    [
      'a circle',
      { ...x(2), nodes: [made('Add', ['x', 'b'], ['a']), made('Neg', ['a'], ['b'])] },
      'wait for each other',
    ],
    [
      'a tensor that nobody makes',
      { ...x(2), nodes: [made('Add', ['x', 'b'], ['a'])] },
      'nothing makes the tensor "b"',
    ],
    [
      'an output that nobody makes',
      { ...x(2), nodes: [made('Neg', ['x'], ['a'])], outputs: ['b'] },
      'nothing makes the tensor "b"',
    ],
    [
      'an output that its operator does not have',
      { ...x(2), nodes: [made('Neg', ['x'], ['a', 'b'])] },
      'nothing is known of its output 1',
    ],
    [
      'an attribute that is too long',
      { ...x(2), nodes: [made('Transpose', ['x'], ['out'], { perm: Array<number>(65).fill(0) })] },
      '"perm" is longer than is kept',
    ],
    [
      'an attribute of another type',
      { ...x(2), nodes: [made('Transpose', ['x'], ['out'], { perm: 0 })] },
      '"perm" is of type 2, expected 7',
    ],
    [
      'a scale next to an integer',
      { ...x(10), weights: [floats('s', [0.7])], nodes: [made('Resize', ['x', '', 's'], ['out'])] },
      'rounded up or down',
    ],
    [
      'a Conv whose weights do not fit',
      { ...x(2, 3, 4), weights: [filled('w', [1, 2, 3])], nodes: [made('Conv', ['x', 'w'], ['out'])] },
      'groups do not fit',
    ],
    [
      'regions of unknown size',
      {
        ...x(1, 1, 4, 4),
        weights: [filled('r', [1, 4]), int64s('b', [0])],
        nodes: [made('RoiAlign', ['x', 'r', 'b'], ['out'])],
      },
      'its work depends on data',
    ],
  ];
  it.each(cases)('%s', async (_, { shapes = {}, ...graph }, because) => {
    expect(await outcome(graph, shapes)).toContain(because);
  });

  it('an attribute that is there twice', async () => {
    const twice = made('Transpose', ['x'], ['out'], { perm: [0] });
    const node = { ...twice, attribute: [...(twice.attribute ?? []), ...(twice.attribute ?? [])] };
    expect(await outcome({ ...x(2), nodes: [node] }, { x: [2] })).toContain('"perm" is there twice');
  });

  it('a name of a body that is one around it', async () => {
    const body = { name: 'b', node: [made('Neg', ['x'], ['r'])], output: [{ name: 'r' }] };
    const nodes = [
      made('Relu', ['x'], ['r']),
      made('If', ['c'], ['out'], {}, { then_branch: body, else_branch: body }),
    ];
    const graph = { inputs: { x: [2], c: [] }, types: { c: 9 }, nodes };
    expect(await outcome(graph, { x: [2], c: [] })).toContain('"r" is made twice');
  });

  it('sparse weights', async () => {
    const values = filled('w', [1]);
    const sparse = { values, indices: int64s('', [0]), dims: [5] };
    const graph = { ...x(2), nodes: [made('Neg', ['x'], ['out'])], graph: { sparseInitializer: [sparse] } };
    expect(await outcome(graph, { x: [2] })).toBe('the tensor "w": it is sparse');
  });

  it('a model of more attributes than are kept', async () => {
    const { AttributeType } = onnxProto.onnx.AttributeProto;
    const attribute = Array.from({ length: 160_000 }, () => ({ name: '', type: AttributeType.INT, i: 1 }));
    const node = { ...made('Neg', ['x'], ['out']), attribute };
    const nodes = Array.from({ length: 3 }, (_, index) => ({
      ...node,
      attribute: attribute.slice(0, 60_000),
      output: [`o${index}`],
    }));
    const bound = await boundOf({ ...x(2), nodes }, { x: [2] });
    expect(bound).toEqual({ known: false, because: 'the model has more attributes and shapes than are followed' });
  });
});
