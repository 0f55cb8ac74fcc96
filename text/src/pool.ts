/** Makes one embedding of each text out of what a model answers. */
import { type EmbeddingSpec, LeptonError, shapeText, type Tensor } from '@lepton-edge/protocol';

/**
 * One embedding an item. `mean` and `cls` take [items, tokens, size], `none` takes [items, size]; FP32 or FP16. Padding counts for
 * nothing. A vector of zeros stays as it is where the others get length 1.
 * @param lengths tokens of each item, in the order of the batch
 * @param dimensions how many of the first to keep; by default all. With `normalize` what is kept has length 1
 * @throws LeptonError `invalid_request` for dimensions that the model does not offer, `inference_failed` for an output of another form
 */
export function pool(
  output: Tensor,
  lengths: readonly number[],
  spec: EmbeddingSpec,
  dimensions?: number,
): Float32Array<ArrayBuffer>[] {
  const values = floatsOf(output);
  const { stride, size } = formOf(output, lengths, spec);
  const kept = checkDimensions(dimensions, size, spec);
  return lengths.map((length, item) => {
    const start = item * stride;
    const embedding =
      spec.pooling === 'mean'
        ? meanOf(values, start, length, size, kept)
        : Float32Array.from(values.subarray(start, start + kept));
    return spec.normalize ? normalized(embedding) : embedding;
  });
}

/**
 * The first dimensions of an embedding of all of them, of length 1 again where the manifest says `normalize`.
 * @throws LeptonError `invalid_request` for dimensions that the model does not offer
 */
export function cutTo(
  embedding: Float32Array<ArrayBuffer>,
  spec: EmbeddingSpec,
  dimensions: number | undefined,
): Float32Array<ArrayBuffer> {
  const kept = checkDimensions(dimensions, embedding.length, spec);
  if (kept === embedding.length) return embedding;
  const cut = embedding.slice(0, kept);
  return spec.normalize ? normalized(cut) : cut;
}

/** How far apart the items are, and how many numbers an embedding has. */
function formOf({ name, shape, data }: Tensor, lengths: readonly number[], { pooling }: EmbeddingSpec) {
  const rank = pooling === 'none' ? 2 : 3;
  const [items, tokens] = shape;
  const size = shape.at(-1) as number;
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const fits =
    shape.length === rank &&
    items === lengths.length &&
    (rank === 2 || (tokens as number) >= Math.max(1, longest)) &&
    data.length === shape.reduce((product, axis) => product * axis, 1);
  if (fits) return { stride: rank === 2 ? size : (tokens as number) * size, size };
  const expected = rank === 2 ? `[${lengths.length},size]` : `[${lengths.length},${Math.max(1, longest)} or more,size]`;
  throw new LeptonError(
    'inference_failed',
    `output "${name}": expected ${expected} for pooling "${pooling}", got ${shapeText(shape)}`,
  );
}

/** The kept part of the mean over the first `length` tokens; zeros when there are none. */
function meanOf(values: Floats, start: number, length: number, size: number, kept: number): Float32Array<ArrayBuffer> {
  const sum = new Float64Array(kept);
  for (let token = 0, at = start; token < length; token++, at += size) {
    for (let i = 0; i < kept; i++) sum[i] = (sum[i] as number) + (values[at + i] as number);
  }
  const mean = new Float32Array(kept);
  for (let i = 0; i < kept; i++) mean[i] = (sum[i] as number) / Math.max(1, length);
  return mean;
}

function normalized(vector: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += (vector[i] as number) ** 2;
  const length = Math.sqrt(squares);
  if (length === 0) return vector;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
  return vector;
}

function checkDimensions(wanted: number | undefined, size: number, { dimensions }: EmbeddingSpec): number {
  if (wanted === undefined || wanted === size) return size;
  if (dimensions === 'fixed') {
    throw refused(`dimensions: this model has ${size} and cannot be cut to ${wanted}`);
  }
  if (Number.isInteger(wanted) && wanted > 0 && wanted < size) return wanted;
  throw refused(`dimensions: expected 1 to ${size}, got ${wanted}`);
}

function refused(message: string): LeptonError {
  return new LeptonError('invalid_request', message, { errors: [{ path: 'dimensions', message }] });
}

type Floats = Float32Array | Float16Array;

function floatsOf({ name, datatype, data }: Tensor): Floats {
  if (datatype === 'FP32' && data instanceof Float32Array) return data;
  if (datatype === 'FP16' && data instanceof Uint16Array) {
    return new Float16Array(data.buffer, data.byteOffset, data.length);
  }
  throw new LeptonError('inference_failed', `output "${name}": expected FP32 or FP16, got ${datatype}`);
}
