import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { value } from '../test-model.ts';
import { boundOf, filled, floats, int64s, made, outcome, x, xy } from './test-graph.ts';

const PER_NODE = 1_000;
const PER_MATRIX = 64;
const PER_SPAN = 32;

const multiplyAdds = async (...given: Parameters<typeof boundOf>) => {
  const bound = await boundOf(...given);
  return bound.known ? bound.multiplyAdds : bound.because;
};

describe('multiply-adds are exact, besides what each element and call takes, for', () => {
  it('MatMul', async () => {
    const graph = { ...xy([7, 2, 3], [3, 5]), nodes: [made('MatMul', ['x', 'y'], ['out'])] };
    expect(await multiplyAdds(graph, graph.shapes)).toBe(PER_NODE + 7 * PER_MATRIX + 7 * 2 * 3 * 5 + 2 * 7 * 2 * 5);
  });

  it('Gemm', async () => {
    const graph = { ...x(4, 784), weights: [filled('w', [128, 784]), filled('b', [128])] };
    const nodes = [made('Gemm', ['x', 'w', 'b'], ['out'], { transB: 1 })];
    expect(await multiplyAdds({ ...graph, nodes }, graph.shapes)).toBe(
      PER_NODE + PER_MATRIX + 4 * 784 * 128 + 2 * 4 * 128,
    );
  });

  it('Conv with groups', async () => {
    const graph = { ...x(2, 8, 10, 12), weights: [filled('w', [16, 2, 3, 3])] };
    const nodes = [made('Conv', ['x', 'w'], ['out'], { group: 4 })];
    const places = 2 * 16 * 8 * 10;
    expect(await multiplyAdds({ ...graph, nodes }, graph.shapes)).toBe(PER_NODE + places * 2 * 9 + places);
  });

  it('LSTM, with activations and steps', async () => {
    const graph = { ...x(5, 2, 3), weights: [filled('w', [1, 16, 3]), filled('r', [1, 16, 4])] };
    const nodes = [made('LSTM', ['x', 'w', 'r'], ['out'], { hidden_size: 4 })];
    const products = 5 * 2 * 4 * 4 * (3 + 4 + 16);
    expect(await multiplyAdds({ ...graph, nodes }, graph.shapes)).toBe(PER_NODE + products + 5 * 1_000 + 5 * 2 * 4);
  });

  it('Einsum', async () => {
    const graph = { ...xy([2, 3], [3, 4]), nodes: [made('Einsum', ['x', 'y'], ['out'], { equation: 'ij,jk->ik' })] };
    expect(await multiplyAdds(graph, graph.shapes)).toBe(PER_NODE + 2 * (2 * 3 * 4) + 64 * (6 + 12 + 8));
  });
});

it('the largest tensor may be a weight, an input, one in between, or a buffer', async () => {
  const relu = { ...x(1, 4), nodes: [made('Relu', ['x'], ['out'])] };
  expect(await boundOf(relu, { x: [1, 4] })).toMatchObject({ largestTensorBytes: 16 });
  const weights = [filled('w', [4, 100])];
  const gemm = { ...x(1, 4), weights, nodes: [made('Gemm', ['x', 'w'], ['out'])] };
  expect(await boundOf(gemm, { x: [1, 4] })).toMatchObject({ largestTensorBytes: 1600 });
  const square = [
    made('Transpose', ['x'], ['t']),
    made('MatMul', ['t', 'x'], ['m']),
    made('ReduceMax', ['m'], ['out']),
  ];
  expect(await boundOf({ ...x(1, 50), nodes: square }, { x: [1, 50] })).toMatchObject({ largestTensorBytes: 10_000 });
  const wide = [made('Cast', ['x'], ['out'], { to: 11 })];
  expect(await boundOf({ ...x(3), nodes: wide }, { x: [3] })).toMatchObject({ largestTensorBytes: 24 });
  const attention = made('com.microsoft::MultiHeadAttention', ['x', 'x', 'x'], ['out'], { num_heads: 4 });
  const scores = await boundOf({ ...x(1, 100, 8), nodes: [attention] }, { x: [1, 100, 8] });
  expect(scores).toMatchObject({ largestTensorBytes: 4 * 4 * 100 * 100 });
});

it('nodes may stand in any order', async () => {
  const nodes = [made('Relu', ['b'], ['c']), made('Add', ['x', 'a'], ['b']), made('Neg', ['x'], ['a'])];
  expect(await multiplyAdds({ ...x(2), nodes, outputs: ['c'] }, { x: [2] })).toBe(3 * PER_NODE + 4 + 6 + PER_SPAN + 4);
});

describe('inputs', () => {
  const graph = { inputs: { x: ['n', 3] }, nodes: [made('Relu', ['x'], ['out'])] };

  it.each([
    [{}, 'no shape is given for the input "x"'],
    [{ toString: [1] }, 'no shape is given for the input "x"'],
    [{ x: [2, 4] }, 'the tensor "x" is declared as ["n", 3], but comes out as [2, 4]'],
    [{ x: [3] }, 'the tensor "x" is declared as ["n", 3], but comes out as [3]'],
    [{ x: [-1, 3] }, 'a tensor would be of the shape [-1, 3]'],
    [{ x: [1.5, 3] }, 'a tensor would be of the shape [1.5, 3]'],
    [{ x: [2 ** 53, 3] }, 'a tensor would be of the shape [9007199254740992, 3]'],
    [{ x: [2 ** 52, 3] }, 'it has more elements or takes more steps than can be counted'],
  ])('%j', async (shapes, because) => expect(await boundOf(graph, shapes)).toEqual({ known: false, because }));

  it('of one named size must be of one size', async () => {
    const twice = { inputs: { x: ['n'], y: ['n'] }, nodes: [made('Concat', ['x', 'y'], ['out'], { axis: 0 })] };
    expect(await boundOf(twice, { x: [2], y: [2] })).toMatchObject({ known: true });
    expect(await multiplyAdds(twice, { x: [2], y: [3] })).toContain('"y" is declared as ["n"], but comes out as [3]');
  });

  it('with a weight are that weight', async () => {
    const weights = [int64s('s', [2, 3])];
    const inputs = { s: [2] };
    const out = await outcome({ inputs, types: { s: 7 }, weights, nodes: [made('ConstantOfShape', ['s'], ['out'])] });
    expect(out).toMatchObject({ shape: [2, 3] });
  });
});

describe('what depends on data', () => {
  it('is bounded as far as it can be', async () => {
    const nodes = [
      made('NonZero', ['x'], ['n']),
      made('Transpose', ['n'], ['t']),
      made('Cast', ['t'], ['out'], { to: 1 }),
    ];
    expect(await outcome({ ...x(3, 4), nodes }, { x: [3, 4] })).toMatchObject({ shape: undefined, most: 24 });
    const product = [...nodes, made('MatMul', ['out', 'w'], ['m'])];
    const weights = [filled('w', [2, 10])];
    expect(await outcome({ ...x(3, 4), weights, nodes: product }, { x: [3, 4] })).toMatchObject({ most: 120 });
  });

  it('decides no shape', async () => {
    const nodes = [made('NonZero', ['x'], ['n']), made('Shape', ['n'], ['s']), made('ConstantOfShape', ['s'], ['out'])];
    expect(await outcome({ ...x(3), nodes }, { x: [3] })).toContain('node "out" ("ConstantOfShape")');
    const given = { inputs: { s: [2] }, types: { s: 7 }, nodes: [made('ConstantOfShape', ['s'], ['out'])] };
    expect(await outcome(given, { s: [2] })).toBe(
      'node "out" ("ConstantOfShape"): the values of its input 0 are not known',
    );
  });

  it('may be a part of something', async () => {
    const inputs = { x: ['a', 'b'], s: [1], e: [1] };
    const graph = { inputs, types: { s: 7, e: 7 }, nodes: [made('Slice', ['x', 's', 'e'], ['out'])] };
    expect(await outcome(graph, { x: [8, 9], s: [1], e: [1] })).toMatchObject({ shape: undefined, most: 72 });
  });

  it('is not taken for small when it is empty', async () => {
    const weights = [filled('e', [100_000, 0]), int64s('axes', [1])];
    const inputs = { s: [1], t: [1] };
    const nodes = [made('Slice', ['e', 's', 't'], ['p']), made('ReduceSum', ['p', 'axes'], ['out'], { keepdims: 0 })];
    const graph = { inputs, types: { s: 7, t: 7 }, weights, nodes };
    expect(await outcome(graph, { s: [1], t: [1] })).toMatchObject({ shape: undefined, most: 100_000 });
  });
});

describe('values are followed', () => {
  it('from shapes to shapes, as exporters write them', async () => {
    const weights = [int64s('zero', [0], []), int64s('last', [-1]), int64s('four', [4])];
    const nodes = [
      made('Shape', ['x'], ['s']),
      made('Gather', ['s', 'zero'], ['n'], { axis: 0 }),
      made('Unsqueeze', ['n', 'axis'], ['u']),
      made('Concat', ['u', 'last', 'four'], ['c'], { axis: 0 }),
      made('Reshape', ['x', 'c'], ['out']),
    ];
    const graph = { ...x(5, 3, 8), weights: [...weights, int64s('axis', [0])], nodes };
    expect(await outcome(graph, graph.shapes)).toMatchObject({ shape: [5, 6, 4] });
  });

  it('and are let go where they would be rounded or overflow', async () => {
    const big = int64s('a', [Number.MAX_SAFE_INTEGER]);
    const sum = await outcome({ weights: [big, int64s('b', [1])], nodes: [made('Add', ['a', 'b'], ['out'])] });
    expect(sum).toMatchObject({ values: [undefined] });
    const small = { name: 'a', dims: [1], dataType: 6, int32Data: [2 ** 31 - 1] };
    const wrapped = await outcome({ weights: [small], nodes: [made('Add', ['a', 'a'], ['out'])] });
    expect(wrapped).toMatchObject({ values: [undefined] });
    const zero = await outcome({ weights: [int64s('b', [0])], nodes: [made('Div', ['b', 'b'], ['out'])] });
    expect(zero).toMatchObject({ values: [undefined] });
    const cast = { weights: [floats('f', [3e10])], nodes: [made('Cast', ['f'], ['out'], { to: 6 })] };
    expect(await outcome(cast)).toMatchObject({ values: [undefined] });
  });

  it('of files beside the model, of more than 64 elements and of both kinds of fields they are not', async () => {
    const nodes = [made('ConstantOfShape', ['s'], ['out'])];
    const location = [{ key: 'location', value: 'weights.bin' }];
    const beside = { name: 's', dims: [1], dataType: 7, dataLocation: 1, externalData: location };
    expect(await outcome({ weights: [beside], nodes })).toContain('are not known');
    const long = int64s('v', Array<number>(65).fill(1));
    expect(await outcome({ weights: [long], nodes: [made('Neg', ['v'], ['out'])] })).toMatchObject({
      values: undefined,
    });
    const both = { ...int64s('s', [1]), rawData: new Uint8Array(8) };
    expect(await outcome({ weights: [both], nodes })).toContain('are not known');
  });
});

describe('functions of the model', () => {
  const { AttributeType } = onnxProto.onnx.AttributeProto;
  const opsetImport = [{ domain: '', version: 17 }];
  const turned = made('Transpose', ['a'], ['b']);
  const reference = { name: 'perm', type: AttributeType.INTS, refAttrName: 'order' };
  const Turn = {
    name: 'Turn',
    domain: 'local',
    input: ['a'],
    output: ['b'],
    attribute: ['order'],
    opsetImport,
    node: [{ ...turned, attribute: [reference] }],
  };

  it('are followed with the attributes of each call', async () => {
    const nodes = [made('local::Turn', ['x'], ['t'], { order: [1, 2, 0] }), made('local::Turn', ['t'], ['out'])];
    const graph = { ...x(2, 3, 4), nodes, functions: [Turn] };
    expect(await outcome(graph, graph.shapes)).toMatchObject({ shape: [2, 4, 3] });
  });

  it('are not when they call themselves, grow without end, or hide an operator', async () => {
    const call = (name: string, times: number) => ({
      ...Turn,
      name: `f${name}`,
      node: Array.from({ length: times }, (_, index) =>
        made(
          `local::f${Number(name) - 1}`,
          [index === 0 ? 'a' : `t${index}`],
          [index === times - 1 ? 'b' : `t${index + 1}`],
        ),
      ),
    });
    const itself = { ...Turn, node: [made('local::Turn', ['a'], ['b'])] };
    const turn = { ...x(2), nodes: [made('local::Turn', ['x'], ['out'])] };
    expect(await outcome({ ...turn, functions: [itself] }, turn.shapes)).toContain('nested deeper than');
    const functions = [
      { ...Turn, name: 'f0', node: [made('Neg', ['a'], ['b'])] },
      ...['1', '2', '3', '4', '5', '6', '7'].map((name) => call(name, 10)),
    ];
    const grown = { ...x(2), nodes: [made('local::f7', ['x'], ['out'])], functions };
    expect(await outcome(grown, grown.shapes)).toContain('more nodes than are followed');
    const relu = { ...Turn, name: 'Relu', domain: '' };
    const hidden = { ...x(2), nodes: [made('Relu', ['x'], ['out'])], functions: [relu] };
    expect(await outcome(hidden, hidden.shapes)).toContain('of the name of an operator');
  });
});

it('declared shapes must be what comes out', async () => {
  const nodes = [made('Relu', ['x'], ['r']), made('Shape', ['r'], ['s']), made('ConstantOfShape', ['s'], ['out'])];
  const declared = (dims: (number | string)[]) => ({ ...x(2, 2), nodes, graph: { valueInfo: [value('r', dims)] } });
  expect(await outcome(declared([2, 'any']), { x: [2, 2] })).toMatchObject({ shape: [2, 2] });
  expect(await outcome(declared([40_000, 40_000]), { x: [2, 2] })).toContain('is declared as [40000, 40000]');
  expect(await outcome(declared([2, 2, 1]), { x: [2, 2] })).toContain('is declared as [2, 2, 1]');
  expect(await outcome(declared(['n', 'm']), { x: [2, 2] })).toMatchObject({ shape: [2, 2] });
});
