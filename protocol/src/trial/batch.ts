/** Batches: which axis of a tensor counts items, putting items together, and taking them apart. */
import { LeptonError } from '../errors.ts';
import { ARRAY_TYPE, type FixedDatatype } from '../tensor/datatype.ts';
import { elementCount, type Tensor } from '../tensor/tensor.ts';
import type { Manifest, TensorSpec } from '../versions.ts';

/** The batch axis of each tensor that has one; tensors without are the same for all items. */
export type BatchAxes = ReadonlyMap<string, number>;

/**
 * The axes that count items: as the manifest states, else the first axis where it is dynamic in every output and in at
 * least one input. Undefined: the model has no batches.
 */
export function batchAxes({
  inputs,
  outputs,
  batching,
}: Pick<Manifest, 'inputs' | 'outputs' | 'batching'>): BatchAxes | undefined {
  if (batching?.axes) return new Map(Object.entries(batching.axes));
  const first = (spec: TensorSpec) => spec.shape[0] === -1;
  if (!inputs.some(first) || !outputs.every(first)) return undefined;
  return new Map([...inputs, ...outputs].filter(first).map(({ name }) => [name, 0]));
}

/** Puts tensors of the same datatype together along an axis; all other sizes must agree. */
export function stack(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (!first) throw new LeptonError('invalid_tensor', 'expected at least one tensor to stack');
  const inner = elementCount(first.shape.slice(axis + 1), first.name);
  const outer = elementCount(first.shape.slice(0, axis), first.name);
  const shape = [...first.shape];
  shape[axis] = tensors.reduce((sum, tensor) => sum + (tensor.shape[axis] ?? 0), 0);
  const { name, datatype } = first;
  const out = allocate(datatype, elementCount(shape, name));
  let at = 0;
  for (let row = 0; row < outer; row++) {
    for (const tensor of tensors) {
      const length = (tensor.shape[axis] ?? 0) * inner;
      copy(tensor.data, row * length, out, at, length);
      at += length;
    }
  }
  return { name, datatype, shape, data: out };
}

/** Items `from` to `from + count` of a tensor along an axis. */
export function slice(tensor: Tensor, axis: number, from: number, count: number): Tensor {
  const { name, datatype } = tensor;
  const size = tensor.shape[axis] ?? 0;
  const inner = elementCount(tensor.shape.slice(axis + 1), name);
  const outer = elementCount(tensor.shape.slice(0, axis), name);
  const shape = [...tensor.shape];
  shape[axis] = count;
  const out = allocate(datatype, outer * count * inner);
  for (let row = 0; row < outer; row++) {
    copy(tensor.data, (row * size + from) * inner, out, row * count * inner, count * inner);
  }
  return { name, datatype, shape, data: out };
}

function allocate(datatype: Tensor['datatype'], length: number): Tensor['data'] {
  return datatype === 'BYTES' ? new Array<Uint8Array>(length) : new ARRAY_TYPE[datatype as FixedDatatype](length);
}

function copy(from: Tensor['data'], start: number, to: Tensor['data'], at: number, length: number): void {
  if (Array.isArray(from) || Array.isArray(to)) {
    for (let i = 0; i < length; i++) (to as Uint8Array[])[at + i] = (from as Uint8Array[])[start + i] as Uint8Array;
    return;
  }
  (to as Float32Array).set((from as Float32Array).subarray(start, start + length), at);
}
