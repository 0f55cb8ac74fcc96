/** `npm run bench:codec`: how fast tensors are encoded and decoded, against what the platform itself does at most. */
import { parseArgs } from 'node:util';
import {
  decodeInferBody,
  encodeBinaryRequest,
  encodeInferAnswer,
  encodeInferRequest,
  type InferRequest,
  type Tensor,
} from '@lepton-edge/protocol';
import { machine } from '../soak/reports/machine.ts';
import { recordMeasurement } from '../soak/reports/record.ts';
import { tableOf } from '../soak/support/table.ts';
import { randomFrom } from '../test/support/random.ts';

const ROUNDS = 7;
const ROUND_MS = 60;
const MB = 1_000_000;

interface Measured {
  /** Bytes of the body. */
  bytes: number;
  ours: () => unknown;
  yardstick: () => unknown;
}

const { values: flags } = parseArgs({ options: { record: { type: 'boolean', default: false } } });
const random = randomFrom(1);

const shapes: Record<string, Tensor> = {
  'FP32 [16]': floats([16]),
  'FP32 [1,3,48,192]': floats([1, 3, 48, 192]),
  'FP32 [1000,1000]': floats([1000, 1000]),
  'INT64 [8,64], token ids': integers([8, 64], 30_000),
  'INT64 [100000], beyond 2^53': integers([100_000], 2 ** 63),
  'UINT8 [224,224,3]': bytes([224, 224, 3]),
  'BYTES [256]': strings(256),
};

const jsonRows = Object.entries(shapes).flatMap(([what, tensor]) => [
  rowOf(`${what}, decode flat`, decodeJson(encodeInferRequest({ inputs: [tensor] }))),
  ...(tensor.shape.length > 1 && tensor.datatype === 'FP32'
    ? [rowOf(`${what}, decode nested`, decodeJson(nestedText(tensor)))]
    : []),
  rowOf(`${what}, encode`, encodeJson(tensor)),
]);
const binaryRows = Object.entries(shapes).flatMap(([what, tensor]) => [
  rowOf(`${what}, decode`, decodeBinary(tensor)),
  rowOf(`${what}, encode`, encodeBinary(tensor)),
]);

const head = (yardstick: string) => ['', 'KB', 'MB/s', `MB/s, ${yardstick}`, 'ratio'];
const page = `# Benchmark: codec

Whole bodies of one tensor, bytes to typed arrays and back, UTF-8 included, with all checks. \`npm run bench:codec -- --record\`.
${machine()}

JSON, against \`JSON.parse\` and \`JSON.stringify\` of the same text to and from plain arrays, without any check.

${tableOf(head('JSON'), jsonRows)}

Binary, against a copy of the body's bytes; aligned data is viewed in place when it is decoded, so that no more than the header is read.

${tableOf(head('copy'), binaryRows)}
`;
process.stdout.write(page);
if (flags.record) await recordMeasurement('bench-codec', page);

function decodeJson(text: string): Measured {
  const body = new TextEncoder().encode(text);
  return {
    bytes: body.byteLength,
    ours: () => decodeInferBody(body, undefined),
    yardstick: () => JSON.parse(new TextDecoder().decode(body)),
  };
}

function encodeJson(tensor: Tensor): Measured {
  const request: InferRequest = { inputs: [] };
  const response = { modelName: 'model', modelVersion: '1', outputs: [tensor] };
  const text = encodeInferAnswer(request, response).body as string;
  // 64-bit integers are numbers here, since JSON.stringify takes no others.
  const plain = JSON.parse(text);
  const encoder = new TextEncoder();
  return {
    bytes: encoder.encode(text).byteLength,
    ours: () => encoder.encode(encodeInferAnswer(request, response).body as string),
    yardstick: () => encoder.encode(JSON.stringify(plain)),
  };
}

function decodeBinary(tensor: Tensor): Measured {
  const { bytes: body, headerLength } = encodeBinaryRequest({ inputs: [tensor] });
  return {
    bytes: body.byteLength,
    ours: () => decodeInferBody(body, String(headerLength)),
    yardstick: () => body.slice(),
  };
}

function encodeBinary(tensor: Tensor): Measured {
  const request: InferRequest = { inputs: [], parameters: { binary_data_output: true } };
  const response = { modelName: 'model', modelVersion: '1', outputs: [tensor] };
  const body = encodeInferAnswer(request, response).body as Uint8Array;
  return {
    bytes: body.byteLength,
    ours: () => encodeInferAnswer(request, response),
    yardstick: () => body.slice(),
  };
}

function rowOf(what: string, { bytes: size, ours, yardstick }: Measured): (string | number)[] {
  const speed: [number, number] = [0, 0];
  // In turns, so that what else the machine does meets both; the best of each is what it can do.
  for (let round = 0; round < ROUNDS; round++) {
    speed[0] = Math.max(speed[0], runsPerSecond(ours));
    speed[1] = Math.max(speed[1], runsPerSecond(yardstick));
  }
  const [own, other] = speed.map((runs) => (runs * size) / MB) as [number, number];
  return [what, (size / 1000).toFixed(1), own.toFixed(0), other.toFixed(0), (own / other).toFixed(2)];
}

function runsPerSecond(work: () => unknown): number {
  let runs = 0;
  const start = performance.now();
  let elapsed = 0;
  while (elapsed < ROUND_MS) {
    work();
    runs++;
    elapsed = performance.now() - start;
  }
  return (runs * 1000) / elapsed;
}

function floats(shape: number[]): Tensor {
  // A model's outputs have all the digits that a float has.
  return {
    name: 'x',
    datatype: 'FP32',
    shape,
    data: Float32Array.from({ length: countOf(shape) }, () => random() * 2 - 1),
  };
}

function integers(shape: number[], below: number): Tensor {
  const data = BigInt64Array.from({ length: countOf(shape) }, () => BigInt(Math.floor(random() * below)));
  return { name: 'ids', datatype: 'INT64', shape, data };
}

function bytes(shape: number[]): Tensor {
  return {
    name: 'x',
    datatype: 'UINT8',
    shape,
    data: Uint8Array.from({ length: countOf(shape) }, () => random() * 256),
  };
}

function strings(count: number): Tensor {
  const text = 'The quick brown fox jumps over the lazy dog, and then some. ';
  const data = Array.from({ length: count }, (_, i) => new TextEncoder().encode(text.repeat(1 + (i % 4))));
  return { name: 'text', datatype: 'BYTES', shape: [count], data };
}

function countOf(shape: number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function nestedText({ name, datatype, shape, data }: Tensor): string {
  const rows = (flat: number[], [size = 1, ...inner]: number[]): unknown =>
    inner.length === 0
      ? flat
      : Array.from({ length: size }, (_, i) =>
          rows(flat.slice((i * flat.length) / size, ((i + 1) * flat.length) / size), inner),
        );
  return JSON.stringify({ inputs: [{ name, datatype, shape, data: rows(Array.from(data as Float32Array), shape) }] });
}
