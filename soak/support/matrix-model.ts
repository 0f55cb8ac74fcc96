/** A model made of matrices: as large, and as much work, as is asked for. */
import type { Tensor } from '@lepton-edge/protocol';
import { GraphBuilder } from '../../examples/onnx-writer/graph-builder.ts';

const OPSET = 17;

/**
 * `y = tanh(… tanh(x · W₁) … · Wₙ)` for FP32 x of [items, width].
 * @param seed models of other seeds answer otherwise
 * @param times how often each matrix is used, one after the other: more work for the same memory
 */
export function matrixModel(width: number, layers: number, seed = 1, times = 1): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder('matrices');
  let value = graph.input('x', 'float32', ['items', width]);
  for (let layer = 1; layer <= layers; layer++) {
    const numbers = Float32Array.from(
      { length: width * width },
      (_, i) => Math.sin(i * layer + seed) / Math.sqrt(width),
    );
    const weight = graph.weight(`w${layer}`, [width, width], numbers);
    for (let time = 1; time <= times; time++) {
      value = graph.node('MatMul', [value, weight]);
      value = graph.node('Tanh', [value], {
        outputs: [layer === layers && time === times ? 'y' : `y${layer}_${time}`],
      });
    }
  }
  graph.output('y', 'float32', ['items', width]);
  return graph.build(OPSET, 'for soaks');
}

/** An input of that model. */
export function matrixInput(width: number, seed: number): Tensor {
  const data = Float32Array.from({ length: width }, (_, i) => Math.cos(i * seed + seed));
  return { name: 'x', datatype: 'FP32', shape: [1, width], data };
}
