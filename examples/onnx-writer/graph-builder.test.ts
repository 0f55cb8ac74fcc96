import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './graph-builder.ts';
import { bytes, concat, integer } from './protobuf.ts';

describe('GraphBuilder', () => {
  it('writes a model as onnx.proto lays it out', () => {
    const graph = new GraphBuilder('tiny');
    const x = graph.input('x', 'float32', ['batch', 2]);
    graph.output('y', 'float32', ['batch', 2]);
    const bias = graph.weight('bias', [2], Float32Array.of(1, -2));
    graph.node('Add', [x, bias], { outputs: ['y'] });

    const node = [bytes(1, 'x'), bytes(1, 'bias'), bytes(2, 'y'), bytes(3, 'node_y'), bytes(4, 'Add')];
    const raw = Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
    const initializer = [integer(1, 2), integer(2, 1), bytes(8, 'bias'), bytes(9, raw)];
    const shape = [bytes(1, [bytes(2, 'batch')]), bytes(1, [integer(1, 2)])];
    const value = (name: string) => [bytes(1, name), bytes(2, [bytes(1, [integer(1, 1), bytes(2, shape)])])];
    const body = [
      bytes(1, node),
      bytes(2, 'tiny'),
      bytes(5, initializer),
      bytes(11, value('x')),
      bytes(12, value('y')),
    ];
    const model = [integer(1, 8), bytes(2, 'lepton-edge examples'), bytes(6, 'a test'), bytes(7, body)];
    const opset = bytes(8, [bytes(1, ''), integer(2, 13)]);
    expect(graph.build(13, 'a test')).toEqual(concat([...model, opset]));
  });

  it('names outputs that have no name, each differently', () => {
    const graph = new GraphBuilder('names');
    const x = graph.input('x', 'float32', [3]);
    const made = [graph.node('Neg', [x]), graph.node('Neg', [x]), ...graph.split('Split', [x], 2, { axis: 0 })];
    expect(new Set(made).size).toBe(4);
  });

  it('refuses a weight whose data does not fill its shape', () => {
    const graph = new GraphBuilder('wrong');
    expect(() => graph.weight('w', [2, 3], new Float32Array(5))).toThrow(
      'w: expected 6 elements for the shape [2,3], got 5',
    );
  });
});
