/**
 * Small models that between them take and give every datatype, rank, name and size that is easily got wrong, with inputs
 * and what they are to answer, reckoned by hand. Source: onnx.proto3 of ONNX, IR version 8, opset 17.
 */
import { ARRAY_TYPE, type Datatype, type FixedDatatype, type Tensor } from '@lepton-edge/protocol';
import onnxProto, { type onnx as Onnx } from 'onnx-proto';
import { ELEMENT_TYPE } from '../../gpu-node/src/testing/onnx-file.ts';

const { onnx } = onnxProto;

export interface Sample {
  name: string;
  onnx: Uint8Array<ArrayBuffer>;
  runs: { inputs: Tensor[]; expected: Tensor[] }[];
}

type Axes = readonly (number | string)[];
type Values = readonly (number | bigint | string)[];

/** What each datatype holds at its ends; FP16 as bit patterns. */
const ENDS: Partial<Record<Datatype, Values>> = {
  BOOL: [0, 1, 1],
  UINT8: [0, 1, 255],
  UINT16: [0, 1, 65_535],
  UINT32: [0, 1, 4_294_967_295],
  UINT64: [0n, 2n ** 53n + 1n, 2n ** 64n - 1n],
  INT8: [-128, 0, 127],
  INT16: [-32_768, 0, 32_767],
  INT32: [-2_147_483_648, 0, 2_147_483_647],
  INT64: [-(2n ** 63n), 2n ** 53n + 1n, 2n ** 63n - 1n],
  // The least there is, -0, the greatest, infinity, not a number.
  FP16: [0x0001, 0x8000, 0x7bff, 0x7c00, 0x7e00],
  FP32: [1e-45, -0, 3.4028234663852886e38, Number.NEGATIVE_INFINITY, Number.NaN],
  FP64: [5e-324, -0, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN],
  BYTES: ['', 'plain', 'ß 日本 🙂', '"\\\n\t', 'long'.repeat(500)],
};

/** As exporters make them, and as nobody should. */
const NAMES = [
  'x.1',
  'onnx::Identity_0',
  'sigmoid_0.tmp_0',
  'serving_default_input:0',
  '/model/layer.0/Add_output_0',
  'with space',
  'ünïcode 日本',
  '"quoted"',
  'constructor',
  'length',
  '0',
];

const ONE = 0x3c00;

/** Nine models. */
export function samples(): Sample[] {
  return [datatypes(), names(), ranks(), empties(), strings(), casts(), dynamicAxes(), scalars(), branches()];
}

function datatypes(): Sample {
  const inputs = Object.entries(ENDS).map(([type, values]) =>
    tensor(`in ${type}`, type as Datatype, [values.length], values),
  );
  return identities('every datatype to its ends', inputs);
}

function names(): Sample {
  const inputs = NAMES.map((name, i) => tensor(name, 'FP32', [1], [i]));
  return identities('names as exporters make them', inputs);
}

function ranks(): Sample {
  const inputs = [0, 1, 2, 3, 5, 8].map((rank) => {
    const count = 2 ** rank;
    return tensor(`rank ${rank}`, 'INT32', Array(rank).fill(2), Array.from(Array(count).keys()));
  });
  return identities('ranks from 0 to 8', inputs);
}

/** y = x for every tensor, of just its shape. */
function identities(name: string, inputs: Tensor[]): Sample {
  const expected = inputs.map((input, i) => ({ ...input, name: `out ${i}` }));
  const nodes = inputs.map((input, i) => node('Identity', [input.name], [`out ${i}`]));
  return { name, onnx: model(nodes, inputs.map(infoOf), expected.map(infoOf)), runs: [{ inputs, expected }] };
}

function empties(): Sample {
  const nodes = [
    node('Concat', ['none', 'some'], ['joined'], [int('axis', 0)]),
    node('Identity', ['nothing'], ['still nothing']),
    node('ReduceSum', ['none', 'first'], ['sum'], [int('keepdims', 0)]),
    node('Identity', ['no words'], ['none said']),
    node('NonZero', ['some'], ['where']),
  ];
  const inputs = [
    tensor('none', 'FP32', [0, 3], []),
    tensor('some', 'FP32', [1, 3], [0, 0, 0]),
    tensor('nothing', 'INT64', [2, 0, 4], []),
    tensor('no words', 'BYTES', [0], []),
  ];
  const expected = [
    tensor('joined', 'FP32', [1, 3], [0, 0, 0]),
    tensor('still nothing', 'INT64', [2, 0, 4], []),
    tensor('sum', 'FP32', [3], [0, 0, 0]),
    tensor('none said', 'BYTES', [0], []),
    tensor('where', 'INT64', [2, 0], []),
  ];
  const values = [value('none', 'FP32', [0, 3]), value('some', 'FP32', ['rows', 3]), ...inputs.slice(2).map(infoOf)];
  const outputs = [
    value('joined', 'FP32', ['all', 3]),
    infoOf(expected[1] as Tensor),
    value('sum', 'FP32', [3]),
    value('none said', 'BYTES', [0]),
    value('where', 'INT64', [2, 'found']),
  ];
  const file = model(nodes, values, outputs, [constant('first', [0])]);
  return { name: 'tensors of no elements', onnx: file, runs: [{ inputs, expected }] };
}

function strings(): Sample {
  const nodes = [
    // Along the last axis: of several strings a row, ONNX Runtime 1.30 takes only the first.
    node('Gather', ['words', 'which'], ['picked'], [int('axis', 1)]),
    node('Concat', ['words', 'words'], ['twice'], [int('axis', 1)]),
    node('Reshape', ['words', 'row'], ['flat']),
    node('Equal', ['which', 'which'], ['same']),
  ];
  const inputs = [
    tensor('words', 'BYTES', [2, 2], ['a', 'ß 🙂', '', '{"b":\\']),
    tensor('which', 'INT64', [3], [1n, 0n, -1n]),
  ];
  const expected = [
    tensor('picked', 'BYTES', [2, 3], ['ß 🙂', 'a', 'ß 🙂', '{"b":\\', '', '{"b":\\']),
    tensor('twice', 'BYTES', [2, 4], ['a', 'ß 🙂', 'a', 'ß 🙂', '', '{"b":\\', '', '{"b":\\']),
    tensor('flat', 'BYTES', [4], ['a', 'ß 🙂', '', '{"b":\\']),
    tensor('same', 'BOOL', [3], [1, 1, 1]),
  ];
  const file = model(nodes, inputs.map(infoOf), expected.map(infoOf), [constant('row', [-1])]);
  return { name: 'strings', onnx: file, runs: [{ inputs, expected }] };
}

function casts(): Sample {
  const inputs = [tensor('x', 'FP32', [3], [0, 1, 2])];
  const expected = (Object.keys(ENDS) as Datatype[]).map((datatype) => {
    const [big, half] = [datatype.endsWith('INT64'), datatype === 'FP16'];
    const values = big ? [0n, 1n, 2n] : half ? [0, ONE, 0x4000] : datatype === 'BOOL' ? [0, 1, 1] : [0, 1, 2];
    return tensor(`as ${datatype}`, datatype, [3], datatype === 'BYTES' ? ['0', '1', '2'] : values);
  });
  const nodes = expected.map(({ name, datatype }) => node('Cast', ['x'], [name], [int('to', ELEMENT_TYPE[datatype])]));
  const file = model(nodes, inputs.map(infoOf), expected.map(infoOf));
  return { name: 'one tensor cast to every datatype', onnx: file, runs: [{ inputs, expected }] };
}

function dynamicAxes(): Sample {
  const nodes = [
    node('MatMul', ['a', 'b'], ['product']),
    node('TopK', ['a', 'one'], ['most', 'at'], [int('axis', 1)]),
    node('Transpose', ['a'], ['turned']),
    node('NonZero', ['a'], ['where']),
  ];
  const inputs = [value('a', 'FP32', ['m', 'k']), value('b', 'FP32', ['k', 'n'])];
  const outputs = [
    value('product', 'FP32', ['m', 'n']),
    value('most', 'FP32', ['m', 1]),
    value('at', 'INT64', ['m', 1]),
    value('turned', 'FP32', ['k', 'm']),
    value('where', 'INT64', [2, '']),
  ];
  const runs = [
    {
      inputs: [tensor('a', 'FP32', [2, 2], [1, 2, 0, 4]), tensor('b', 'FP32', [2, 1], [0.5, -1])],
      expected: [
        tensor('product', 'FP32', [2, 1], [-1.5, -4]),
        tensor('most', 'FP32', [2, 1], [2, 4]),
        tensor('at', 'INT64', [2, 1], [1n, 1n]),
        tensor('turned', 'FP32', [2, 2], [1, 0, 2, 4]),
        tensor('where', 'INT64', [2, 3], [0n, 0n, 1n, 0n, 1n, 1n]),
      ],
    },
    {
      inputs: [tensor('a', 'FP32', [1, 1], [3]), tensor('b', 'FP32', [1, 2], [1, 2])],
      expected: [
        tensor('product', 'FP32', [1, 2], [3, 6]),
        tensor('most', 'FP32', [1, 1], [3]),
        tensor('at', 'INT64', [1, 1], [0n]),
        tensor('turned', 'FP32', [1, 1], [3]),
        tensor('where', 'INT64', [2, 1], [0n, 0n]),
      ],
    },
  ];
  return { name: 'axes of any size', onnx: model(nodes, inputs, outputs, [constant('one', [1])]), runs };
}

function scalars(): Sample {
  const nodes = [
    node('Range', ['start', 'limit', 'step'], ['range']),
    node('Size', ['range'], ['size']),
    node('Shape', ['range'], ['shape']),
    node('Not', ['flag'], ['denied']),
  ];
  const inputs = [
    tensor('start', 'INT64', [], [-1n]),
    tensor('limit', 'INT64', [], [5n]),
    tensor('step', 'INT64', [], [3n]),
    tensor('flag', 'BOOL', [], [1]),
  ];
  const expected = [
    tensor('range', 'INT64', [2], [-1n, 2n]),
    tensor('size', 'INT64', [], [2n]),
    tensor('shape', 'INT64', [1], [2n]),
    tensor('denied', 'BOOL', [], [0]),
  ];
  const outputs = [value('range', 'INT64', ['n']), ...expected.slice(1).map(infoOf)];
  return { name: 'scalars', onnx: model(nodes, inputs.map(infoOf), outputs), runs: [{ inputs, expected }] };
}

function branches(): Sample {
  const branch = (name: string, operator: string) => ({
    name,
    type: onnx.AttributeProto.AttributeType.GRAPH,
    g: { name, node: [node(operator, ['x'], [`of ${name}`])], output: [value(`of ${name}`, 'FP32', ['n'])] },
  });
  const choice = node('If', ['yes'], ['y'], [branch('then_branch', 'Neg'), branch('else_branch', 'Abs')]);
  const file = model([choice], [value('yes', 'BOOL', []), value('x', 'FP32', ['n'])], [value('y', 'FP32', ['n'])]);
  const run = (yes: number, values: number[]) => ({
    inputs: [tensor('yes', 'BOOL', [], [yes]), tensor('x', 'FP32', [2], [2, -3])],
    expected: [tensor('y', 'FP32', [2], values)],
  });
  return { name: 'an If', onnx: file, runs: [run(1, [-2, 3]), run(0, [2, 3])] };
}

/** Row-major; FP16 as bit patterns, BYTES as text. */
function tensor(name: string, datatype: Datatype, shape: number[], values: Values): Tensor {
  if (datatype === 'BYTES') {
    const encoder = new TextEncoder();
    return { name, datatype, shape, data: values.map((text) => encoder.encode(String(text))) };
  }
  return { name, datatype, shape, data: new ARRAY_TYPE[datatype as FixedDatatype](values as never) };
}

function infoOf({ name, datatype, shape }: Tensor): Onnx.IValueInfoProto {
  return value(name, datatype, shape);
}

/** A string names an axis, the empty one leaves it unknown. */
function value(name: string, datatype: Datatype, axes: Axes): Onnx.IValueInfoProto {
  const dim = axes.map((size) =>
    typeof size === 'number' ? { dimValue: size } : size === '' ? {} : { dimParam: size },
  );
  return { name, type: { tensorType: { elemType: ELEMENT_TYPE[datatype], shape: { dim } } } };
}

function node(
  opType: string,
  input: string[],
  output: string[],
  attribute: Onnx.IAttributeProto[] = [],
): Onnx.INodeProto {
  return { name: `the ${opType} of ${output[0]}`, opType, input, output, attribute };
}

function int(name: string, i: number): Onnx.IAttributeProto {
  return { name, type: onnx.AttributeProto.AttributeType.INT, i };
}

function constant(name: string, values: number[]): Onnx.ITensorProto {
  const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, dims: [values.length], dataType: ELEMENT_TYPE.INT64, rawData };
}

function model(
  nodes: Onnx.INodeProto[],
  input: Onnx.IValueInfoProto[],
  output: Onnx.IValueInfoProto[],
  initializer: Onnx.ITensorProto[] = [],
): Uint8Array<ArrayBuffer> {
  const graph = { name: 'g', node: nodes, input, output, initializer };
  const proto = { irVersion: 8, producerName: 'tests', opsetImport: [{ domain: '', version: 17 }], graph };
  return onnx.ModelProto.encode(proto).finish().slice();
}
