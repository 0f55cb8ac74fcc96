/** The whole way from tokens to embeddings, given something that runs the model. */
import { type EmbeddingSpec, LeptonError, type Tensor, type TensorSpec } from '@lepton-edge/protocol';
import { type BatchLimits, planBatches } from './plan-batches.ts';
import { pool } from './pool.ts';
import type { TextTokenizer } from './text-tokenizer.ts';
import { toTensors } from './to-tensors.ts';

export interface EmbedOptions extends BatchLimits {
  tokenizer: Pick<TextTokenizer, 'spec' | 'padId'>;
  embedding: EmbeddingSpec;
  /** The model's. */
  inputs: readonly TensorSpec[];
  dimensions?: number | undefined;
  /** Runs one batch; answers at least the embedding's output. */
  run(inputs: Tensor[]): Promise<readonly Tensor[]>;
}

/**
 * One embedding for each item, in the order of the items, with one run after the other.
 * @param items token ids, from `TextTokenizer`
 * @throws LeptonError as `pool`, and whatever `run` throws
 */
export async function embed(
  items: readonly (readonly number[])[],
  options: EmbedOptions,
): Promise<Float32Array<ArrayBuffer>[]> {
  const { tokenizer, embedding, inputs, dimensions } = options;
  const lengths = items.map((item) => item.length);
  const embeddings = new Array<Float32Array<ArrayBuffer>>(items.length);
  for (const batch of planBatches(lengths, options)) {
    const rows = batch.map((index) => items[index] as readonly number[]);
    const outputs = await options.run(toTensors(rows, tokenizer, inputs));
    const output = outputs.find(({ name }) => name === embedding.output);
    if (!output) throw new LeptonError('inference_failed', `the model did not answer its output "${embedding.output}"`);
    const pooled = pool(
      output,
      rows.map((row) => row.length),
      embedding,
      dimensions,
    );
    batch.forEach((index, row) => {
      embeddings[index] = pooled[row] as Float32Array<ArrayBuffer>;
    });
  }
  return embeddings;
}
