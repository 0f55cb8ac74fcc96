import { expect, it } from 'vitest';
import type { WireTensor } from '../onnx-runtime/tensors.ts';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';

const TENSORS: WireTensor[] = [
  { name: 'ä', type: 'float32', dims: [2], data: Float32Array.of(1.5, Number.NaN) },
  { name: 'none', type: 'int64', dims: [0], data: new BigInt64Array(0) },
  { name: 'part', type: 'uint8', dims: [2], data: Uint8Array.of(9, 1, 2, 9).subarray(1, 3) },
];

it.each([1, 3, 7, 1000])('messages come whole in pieces of %i bytes', (size) => {
  const stream = Buffer.concat([...encodeFrame({ first: 1 }, TENSORS), ...encodeFrame({ second: 2 })]);
  const frames: Frame<unknown>[] = [];
  const reader = new FrameReader((frame) => frames.push(frame));
  for (let at = 0; at < stream.byteLength; at += size) reader.push(stream.subarray(at, at + size));
  expect(frames).toEqual([
    { message: { first: 1 }, tensors: TENSORS },
    { message: { second: 2 }, tensors: [] },
  ]);
});
