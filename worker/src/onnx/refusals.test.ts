import { describe, expect, it } from 'vitest';
import { RUNTIME } from './known-operators.ts';
import { buildModel, encode, node, type Parts, subgraph, value, weights } from './test-model.ts';
import { refusalOf } from './test-source.ts';
import { bytes } from './test-wire.ts';

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const nodes = (...list: ReturnType<typeof node>[]): Parts => ({ graph: { node: list } });
const graph = (parts: Parts['graph']): Parts => ({ graph: parts ?? {} });
const model = (parts: Parts['model']): Parts => ({ model: parts ?? {} });
const external = (location: string | undefined, more: { key: string; value: string }[] = []) =>
  graph({
    initializer: [
      {
        name: 'w',
        dims: [4, 3],
        dataType: 1,
        dataLocation: 1,
        externalData: [...(location === undefined ? [] : [{ key: 'location', value: location }]), ...more],
      },
    ],
  });
const MAX_OPSET = RUNTIME.opsets.get('ai.onnx')?.[1] ?? 0;

describe('what is no ONNX file is told what it is', () => {
  it.each([
    ['nothing', '', 'the file is empty'],
    ['a PNG', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'a PNG image'],
    ['JSON', '{"inputs": []}', 'JSON text'],
    ['HTML', '<!DOCTYPE html><html>', 'an HTML page'],
    ['text', 'hello, this is my model', 'text that begins "hello, this is my model"'],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a', 'a Git LFS pointer'],
    ['a PyTorch checkpoint', 'PK\x03\x04\0\0', 'a ZIP archive, as PyTorch'],
    ['an ORT model', '\x20\0\0\0ORTM\0\0\0\0', 'a model in ORT format'],
    ['a TensorFlow Lite model', '\x1c\0\0\0TFL3', 'a TensorFlow Lite model'],
    ['a safetensors file', '\x40\0\0\0\0\0\0\0{"a":{}}', 'a safetensors file'],
    ['zeros', '\0'.repeat(1000), 'the bytes 00 00 00 00'],
  ])('%s', async (_, content, what) => {
    const refusal = await refusalOf(latin1(content));
    expect(refusal).toContain(what);
    expect(refusal).toContain('expected an ONNX model: a protobuf with ir_version, opset_import and graph');
  });
});

describe('a model is refused with a sentence', () => {
  const cases: [string, Parts, string | RegExp][] = [
    ['IR too old', model({ irVersion: 2 }), `IR version 2, expected 3 to ${RUNTIME.maxIrVersion}`],
    ['IR too new', model({ irVersion: 99 }), `IR version 99, ONNX Runtime ${RUNTIME.version} reads at most`],
    [
      'opset too new',
      model({ opsetImport: [{ domain: '', version: MAX_OPSET + 1 }] }),
      new RegExp(
        `opset ${MAX_OPSET + 1} of ai.onnx, .* at most ${MAX_OPSET}: export it again with opset_version=${MAX_OPSET}`,
      ),
    ],
    ['opset zero', model({ opsetImport: [{ domain: '', version: 0 }] }), 'imports opset 0 of ai.onnx, expected 1 to'],
    ['two opsets', model({ opsetImport: [{ version: 9 }, { domain: 'ai.onnx', version: 17 }] }), 'versions 9 and 17'],
    ['ml opset', model({ opsetImport: [{ version: 9 }, { domain: 'ai.onnx.ml', version: 9 }] }), 'at most 5: export'],
    ['no opset', model({ opsetImport: [] }), 'the model has no opset_import'],
    [
      'unknown operator',
      nodes(node('Frobnicate', ['x'], ['y'])),
      /node "the Frobnicate" uses the operator "Frobnicate" of ai.onnx opset 17, which ONNX Runtime .* does not have/,
    ],
    ['elsewhere', nodes(node('FastGelu', ['x'], ['y'])), '(domain com.microsoft has it)'],
    ['unknown domain', nodes(node('Relu', ['x'], ['y'], { domain: 'my.ops' })), 'of domain "my.ops", ONNX Runtime'],
    [
      'newer operator',
      nodes(node('Gelu', ['x'], ['y'])),
      'since opset 20: export again with opset_version=20 or later',
    ],
    ['gone operator', nodes(node('Upsample', ['x', 'w'], ['y'])), 'up to opset 9 only'],
    ['no operator', nodes(node('', ['x'], ['y'], { name: '' })), 'node "y" names no operator'],
    [
      'unknown operator inside',
      nodes(
        node('If', ['x'], ['y'], {
          attribute: [subgraph('then_branch', { node: [node('Nope', ['x'], ['o'])], output: [value('o')] })],
        }),
      ),
      'node "the Nope" uses the operator "Nope"',
    ],
    ['no outputs', graph({ output: [] }), 'no outputs'],
    ['no shape', graph({ input: [value('x', null)] }), 'input "x" has no shape'],
    ['output without shape', graph({ output: [value('y', null)] }), 'output "y" has no shape'],
    ['no type', graph({ input: [{ name: 'x' }] }), 'input "x" has no type'],
    ['no name', graph({ input: [value(''), value('x')] }), 'input 0 of the graph has no name'],
    ['long name', graph({ input: [value('n'.repeat(257)), value('x')] }), 'a name of 257 characters'],
    ['same input', graph({ input: [value('x'), value('x')] }), 'two inputs named "x"'],
    ['same output', graph({ output: [value('y'), value('y')] }), 'two outputs named "y"'],
    ['FLOAT8', graph({ input: [value('x', [], 17)] }), 'input "x" is of FLOAT8E4M3FN'],
    ['INT4', graph({ input: [value('x', [], 22)] }), 'input "x" is of INT4'],
    ['complex', graph({ input: [value('x', [], 14)] }), 'input "x" is of COMPLEX64'],
    ['undefined', graph({ input: [value('x', [], 0)] }), 'input "x" is of type 0'],
    ['rank', graph({ input: [value('x', Array<number>(17).fill(1))] }), 'has 17 dimensions, at most 16'],
    ['sequence', graph({ input: [{ name: 'x', type: { sequenceType: { elemType: {} } } }] }), 'is a sequence'],
    ['optional', graph({ input: [{ name: 'x', type: { optionalType: { elemType: {} } } }] }), 'is an optional'],
    ['map', graph({ input: [{ name: 'x', type: { mapType: { keyType: 8 } } }] }), 'is a map'],
    ['sparse', graph({ input: [{ name: 'x', type: { sparseTensorType: { elemType: 1 } } }] }), 'is a sparse tensor'],
    [
      'dangling input',
      nodes(node('Relu', ['z'], ['y'])),
      'node "the Relu" ("Relu") uses the tensor "z", which no node',
    ],
    ['dangling output', nodes(node('Relu', ['x'], ['z'])), 'an output of the graph uses the tensor "y"'],
    ['two makers', nodes(node('Relu', ['x'], ['y']), node('Abs', ['x'], ['y'])), 'the tensor "y" of the graph has two'],
    [
      'makes an input',
      nodes(node('Relu', ['x'], ['x']), node('Abs', ['x'], ['y'])),
      'the tensor "x" of the graph has two',
    ],
    [
      'makes a weight',
      nodes(node('Relu', ['x'], ['w']), node('Abs', ['x'], ['y'])),
      'the tensor "w" of the graph has two',
    ],
    ['circle', nodes(node('Relu', ['b'], ['y']), node('Abs', ['y'], ['b'])), 'wait for each other in a circle'],
    [
      'circle through a subgraph',
      nodes(
        node('If', ['x'], ['c'], {
          attribute: [subgraph('then_branch', { node: [node('Abs', ['y'], ['o'])], output: [value('o')] })],
        }),
        node('Relu', ['c'], ['y']),
      ),
      'wait for each other in a circle',
    ],
    [
      'dangling inside',
      nodes(
        node('If', ['x'], ['y'], {
          attribute: [subgraph('then_branch', { node: [node('Abs', ['q'], ['o'])], output: [value('o')] })],
        }),
      ),
      'uses the tensor "q", which no node',
    ],
    ['raw_data short', graph({ initializer: [weights('w', [4, 3], 47)] }), 'takes 48 bytes, but its raw_data holds 47'],
    [
      'raw_data long',
      graph({ initializer: [weights('w', [4, 3], 52)] }),
      'graph.initializer[0] is FLOAT [4,3], which takes 48',
    ],
    [
      'float_data',
      graph({ initializer: [{ name: 'w', dims: [3], dataType: 1, floatData: [1, 2] }] }),
      'takes 3 values, but its float_data holds 2',
    ],
    [
      'int64_data',
      graph({ initializer: [{ name: 'w', dims: [9], dataType: 7, int64Data: [1, 2] }] }),
      'takes 9 values, but its int64_data holds between 1 and 2',
    ],
    [
      'no payload',
      graph({ initializer: [{ name: 'w', dims: [9], dataType: 1 }] }),
      'takes 9 values, but its float_data holds 0',
    ],
    ['negative dim', graph({ initializer: [{ name: 'w', dims: [-1], dataType: 1 }] }), '[-1], expected none below 0'],
    [
      'absurd dims',
      graph({ initializer: [{ name: 'w', dims: [2 ** 40, 2 ** 40], dataType: 1, dataLocation: 1 }] }),
      'more elements than can be counted',
    ],
    ['no data type', graph({ initializer: [{ name: 'w', dims: [1] }] }), 'the data type 0, which ONNX does not define'],
    ['raw strings', graph({ initializer: [{ ...weights('w', [1]), dataType: 8 }] }), 'holds strings in raw_data'],
    ['absolute path', external('/etc/passwd'), 'keeps its values in "/etc/passwd", expected a relative path'],
    ['path upwards', external('a/../../b'), 'expected a relative path'],
    ['path of dots', external('..'), 'expected a relative path'],
    ['backslash', external('a\\b'), 'expected a relative path'],
    ['drive', external('C:/b'), 'expected a relative path'],
    ['empty path', external(''), 'keeps its values in "", expected a relative path'],
    ['no path', external(undefined), 'keeps its values in "", expected a relative path'],
    ['memory marker', external('*/_ORT_MEM_ADDR_/*'), 'expected a relative path'],
    ['offset', external('a', [{ key: 'offset', value: '-1' }]), 'the external offset "-1"'],
  ];
  it.each(cases)('%s', async (_, parts, sentence) => {
    const refusal = await refusalOf(buildModel(parts));
    if (typeof sentence === 'string') expect(refusal).toContain(sentence);
    else expect(refusal).toMatch(sentence);
  });

  it('no graph', async () => {
    expect(await refusalOf(encode({ irVersion: 8, opsetImport: [{ version: 17 }] }))).toContain(
      'the model has no graph',
    );
  });

  it('two graphs, of which a runtime might read the other', async () => {
    const refusal = await refusalOf(new Uint8Array([...buildModel(), ...bytes(7, [])]));
    expect(refusal).toContain('graph is there twice');
  });
});

describe('local functions', () => {
  const local = (name: string, ...calls: string[]) => ({
    name,
    domain: 'f',
    input: ['a'],
    output: ['o0'],
    opsetImport: [{ version: 17 }, { domain: 'f', version: 1 }],
    node: calls.map((call, index) => node(call, ['a'], [`o${index}`], { domain: call === 'Relu' ? '' : 'f' })),
  });
  const opsetImport = [{ version: 17 }, { domain: 'f', version: 1 }];
  const caller = { node: [node('F0', ['x'], ['y'], { domain: 'f' })] };

  it('may not call themselves', async () => {
    const functions = [local('F0', 'F1'), local('F1', 'F0')];
    expect(await refusalOf(buildModel({ model: { opsetImport, functions }, graph: caller }))).toContain('calls itself');
  });

  it('may not stand for more nodes than a model may have', async () => {
    const functions = Array.from({ length: 20 }, (_, index) =>
      local(`F${index}`, ...Array<string>(4).fill(index === 19 ? 'Relu' : `F${index + 1}`)),
    );
    const refusal = await refusalOf(buildModel({ model: { opsetImport, functions }, graph: caller }));
    expect(refusal).toContain('with its functions written out the model has more than');
  });

  it('are checked themselves', async () => {
    const wrong = { ...local('F0', 'Relu'), input: ['other'] };
    const refusal = await refusalOf(buildModel({ model: { opsetImport, functions: [wrong] }, graph: caller }));
    expect(refusal).toContain('uses the tensor "a"');
    const twice = [local('F0', 'Relu'), local('F0', 'Relu')];
    expect(await refusalOf(buildModel({ model: { opsetImport, functions: twice }, graph: caller }))).toContain(
      'two functions',
    );
    const tooNew = { ...local('F0', 'Relu'), opsetImport: [{ version: 999 }] };
    expect(await refusalOf(buildModel({ model: { opsetImport, functions: [tooNew] }, graph: caller }))).toContain(
      'function "f::F0"',
    );
  });
});
