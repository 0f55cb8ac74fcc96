/** Lays the tokens of a batch out as the input tensors of a model. */
import { LeptonError, type Tensor, type TensorSpec } from '@lepton-edge/protocol';
import type { TextTokenizer } from './text-tokenizer.ts';

/**
 * Tensors of shape [items, longest item], padded at the end, named as the manifest's `tokenizer.inputs` says. A batch without any token
 * is one token wide, of padding.
 * @param items token ids of each item
 * @param inputs the model's, which tell INT64 from INT32
 */
export function toTensors(
  items: readonly (readonly number[])[],
  { spec, padId }: Pick<TextTokenizer, 'spec' | 'padId'>,
  inputs: readonly TensorSpec[],
): Tensor[] {
  const { ids, mask, types } = spec.inputs;
  let width = 1;
  for (const item of items) width = Math.max(width, item.length);
  const shape = [items.length, width];
  const tensors = [tensor(ids, shape, inputs, padId)];
  write(tensors[0] as Tensor, items, width);
  if (mask !== undefined) {
    const ones = tensor(mask, shape, inputs, 0);
    const one = ones.datatype === 'INT64' ? 1n : 1;
    items.forEach((item, row) => {
      (ones.data as Int32Array).fill(one as number, row * width, row * width + item.length);
    });
    tensors.push(ones);
  }
  if (types !== undefined) tensors.push(tensor(types, shape, inputs, 0));
  return tensors;
}

function tensor(name: string, shape: number[], inputs: readonly TensorSpec[], fill: number): Tensor {
  const datatype = inputs.find((input) => input.name === name)?.datatype;
  const size = (shape[0] as number) * (shape[1] as number);
  if (datatype === 'INT64')
    return { name, datatype, shape: [...shape], data: new BigInt64Array(size).fill(BigInt(fill)) };
  if (datatype === 'INT32') return { name, datatype, shape: [...shape], data: new Int32Array(size).fill(fill) };
  throw new LeptonError(
    'model_invalid',
    `tokenizer.inputs: expected "${name}" as INT64 or INT32, got ${datatype ?? 'none'}`,
  );
}

function write({ data }: Tensor, items: readonly (readonly number[])[], width: number): void {
  const isWide = data instanceof BigInt64Array;
  for (let row = 0; row < items.length; row++) {
    const item = items[row] as readonly number[];
    const start = row * width;
    for (let i = 0; i < item.length; i++) {
      if (isWide) data[start + i] = BigInt(item[i] as number);
      else (data as Int32Array)[start + i] = item[i] as number;
    }
  }
}
