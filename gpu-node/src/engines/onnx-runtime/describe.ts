/** What ONNX Runtime says of a session and of a failure, in the words of the node. Loaded in the engines' own threads and processes. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { TensorInfo } from '../engine.ts';
import { datatypeOf, type WireTensor } from './tensors.ts';

/** @throws Error naming what the protocol has no tensors for. */
export function describe(metadata: readonly InferenceSession.ValueMetadata[], kind: 'input' | 'output'): TensorInfo[] {
  return metadata.map((value) => {
    const datatype = value.isTensor ? datatypeOf(value.type) : undefined;
    if (datatype && value.isTensor) {
      const shape = value.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1));
      return { name: value.name, datatype, shape };
    }
    const got = value.isTensor ? value.type : 'no tensor';
    throw new Error(`${kind} ${JSON.stringify(value.name)} is ${got}, which has no counterpart in the protocol`);
  });
}

export function toWireOutput(name: string, tensor: Tensor | undefined): WireTensor {
  if (!tensor) throw new Error(`the model made no output ${JSON.stringify(name)}`);
  return { name, type: tensor.type, dims: tensor.dims, data: tensor.data as WireTensor['data'] };
}

/** What CUDA, cuBLAS and cuDNN fail with, as ONNX Runtime tells it. */
const GPU_FAULT = /\b(?:CUDA|CUBLAS|CUDNN) failure -?\d+/;

/** Whether it was not the input that failed a run but the GPU: for want of memory, or broken for the whole process. */
export function isGpuFault(sentence: string): boolean {
  return GPU_FAULT.test(sentence);
}

/** ONNX Runtime writes over several lines and names paths and, with CUDA, the host: none is for a caller's eyes. */
export function sentenceOf(error: unknown, path: string): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replaceAll(path, 'the file')
    .replace(/ ; hostname=\S*/, '')
    .replace(/\s+/g, ' ')
    .trim();
}
