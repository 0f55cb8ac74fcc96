/** Attention in the forms that exporters and ONNX Runtime's optimizer write; those with caches of data-dependent length are left out. */
import type { Call, Rule } from '../call.ts';
import { plus, shaped, type Tensor, times, unbounded } from '../tensor.ts';
import { like } from './elementwise.ts';
import { MODERATE, mover, op, type Table } from './table.ts';

interface Heads {
  batch: number;
  heads: number;
  /** Queries, and what they look at. */
  length: number;
  total: number;
  /** Of one head of the keys and of the values. */
  width: number;
  valueWidth: number;
}

/** Each query meets each key, then each value; an exponential for each pair. */
function attend(call: Call, { batch, heads, length, total, width, valueWidth }: Heads): void {
  call.macs(batch, heads, length, total, plus(width, valueWidth, 16));
  call.scratch(4, batch, heads, Math.max(1, length), Math.max(1, total));
}

function perHead(size: number, heads: number): number {
  if (heads < 1 || size % heads !== 0) unbounded(`${heads} heads do not fit a size of ${size}`);
  return size / heads;
}

/** com.microsoft's Attention and QAttention: `past` is the index of its cache. */
function packed(past: number): Rule {
  return (call) => {
    const [batch = 0, length = 0, size = 0] = call.shapeOfRank(0, 3);
    const [rows = 0, columns = 0] = call.shapeOfRank(1, 2);
    const heads = call.int('num_heads');
    const [q = 0, k = 0, v = 0, ...more] = call.ints('qkv_hidden_sizes') ?? [columns / 3, columns / 3, columns / 3];
    if (rows !== size || q !== k || q + k + v !== columns || more.length > 0) unbounded('its weights do not fit');
    if (call.int('past_present_share_buffer', 0) !== 0) unbounded('its cache is shared');
    const width = perHead(q, heads);
    const valueWidth = perHead(v, heads);
    const cache = call.has(past) ? call.shapeOfRank(past, 5) : undefined;
    const total = plus(length, cache?.[3] ?? 0);
    call.macs(batch, length, size, columns);
    call.scratch(4, batch, length, columns);
    attend(call, { batch, heads, length, total, width, valueWidth });
    const type = past === 4 ? call.input(0).type : 1;
    return [shaped(type, [batch, length, v]), shaped(type, [2, batch, heads, total, width])];
  };
}

const multiHead: Rule = (call) => {
  const [batch = 0, length = 0, size = 0] = call.shapeOfRank(0, 3);
  const heads = call.int('num_heads');
  if (call.has(6) || call.has(7)) unbounded('it keeps a cache');
  const key = call.shape(1);
  const value = call.shape(2);
  if (key.length !== value.length) unbounded('its keys and values do not fit');
  const [keyLength = 0, keySize = 0] = key.length === 3 ? key.slice(1) : merged(key);
  const [valueLength = 0, valueSize = 0] = value.length === 3 ? value.slice(1) : merged(value);
  if (keyLength !== valueLength || keySize !== size || key[0] !== batch || value[0] !== batch) {
    unbounded('its keys and values do not fit its queries');
  }
  const [width, valueWidth] = [perHead(size, heads), perHead(valueSize, heads)];
  attend(call, { batch, heads, length, total: keyLength, width, valueWidth });
  call.scratch(8, batch, plus(length, keyLength), plus(size, valueSize));
  const { type } = call.input(0);
  return [
    shaped(type, [batch, length, valueSize]),
    shaped(type, [batch, heads, keyLength, width]),
    shaped(type, [batch, heads, keyLength, valueWidth]),
  ];
};

/** Length and size of [batch, heads, length, width]. */
function merged(shape: readonly number[]): number[] {
  if (shape.length !== 4) unbounded(`its keys or values are of rank ${shape.length}`);
  const [, heads = 0, length = 0, width = 0] = shape;
  return [length, times(heads, width)];
}

/** As [batch, heads, length, width], whatever the form. */
function headsOf(call: Call, index: number, attribute: string): readonly number[] {
  const shape = call.shape(index);
  if (shape.length === 4) return shape;
  const [batch = 0, length = 0, size = 0] = call.shapeOfRank(index, 3);
  const heads = call.int(attribute);
  return [batch, heads, length, perHead(size, heads)];
}

/** Attention of ai.onnx since opset 23. */
const standard: Rule = (call) => {
  const { type } = call.input(0);
  const [batch = 0, heads = 0, length = 0, width = 0] = headsOf(call, 0, 'q_num_heads');
  const [keyBatch, keyHeads = 0, keyLength = 0, keyWidth = 0] = headsOf(call, 1, 'kv_num_heads');
  const [valueBatch, valueHeads, valueLength, valueWidth = 0] = headsOf(call, 2, 'kv_num_heads');
  const fits = keyBatch === batch && valueBatch === batch && keyHeads === valueHeads && keyLength === valueLength;
  if (!fits || keyWidth !== width || keyHeads < 1 || heads % keyHeads !== 0) {
    unbounded('its keys and values do not fit its queries');
  }
  const past = call.has(4) ? (call.shapeOfRank(4, 4)[2] ?? 0) : 0;
  const total = plus(past, keyLength);
  attend(call, { batch, heads, length, total, width, valueWidth });
  const out =
    call.shape(0).length === 4 ? [batch, heads, length, valueWidth] : [batch, length, times(heads, valueWidth)];
  return [
    shaped(type, out),
    shaped(type, [batch, keyHeads, total, width]),
    shaped(type, [batch, keyHeads, total, valueWidth]),
    shaped(type, [batch, heads, length, total]),
  ];
};

const rotary: Rule = (call): Tensor[] => [like(call.input(0), call.input(0).type)];

export const ATTENTION: Table = {
  Attention: mover(standard),
  RotaryEmbedding: op(rotary, MODERATE),
  'com.microsoft::Attention': mover(packed(4)),
  'com.microsoft::QAttention': mover(packed(8)),
  'com.microsoft::MultiHeadAttention': mover(multiHead),
  'com.microsoft::RotaryEmbedding': op(rotary, MODERATE),
};
