import { beforeAll, describe, expect, it } from 'vitest';
import { BERT_TOKENIZER, bertEmbedding, bertModel, bertTokenizer } from '../../test/support/bert-model.ts';
import { modelOf, type OrtModel } from '../../test/support/ort-model.ts';
import { embed } from './embed.ts';
import { loadTokenizer } from './text-tokenizer.ts';

const SENTENCES = [
  'How old are you?',
  'the',
  'It was a lovely day, and the weather of the whole week was unspeakable: we stayed in and watched it rain!',
  '你好 世界',
  'zzz',
];

describe('embed', () => {
  const tokenizer = loadTokenizer(bertTokenizer(), BERT_TOKENIZER);
  const items = SENTENCES.map((sentence) => tokenizer.encode(sentence));
  let model: OrtModel;
  beforeAll(async () => {
    model = await modelOf(bertModel());
  });

  it.each(['mean', 'cls'] as const)('answers in a padded batch what it answers alone (%s)', async (pooling) => {
    const options = { tokenizer, embedding: bertEmbedding(pooling), ...model };
    const together = await embed(items, { ...options, tokenBudget: 10_000, maxBatchSize: 32 });
    expect(model.shapes.at(-1)).toEqual([items.length, Math.max(...items.map(({ length }) => length))]);
    const alone = await embed(items, { ...options, tokenBudget: 1, maxBatchSize: 32 });
    expect(model.shapes.slice(-items.length)).toEqual(items.map(({ length }) => [1, length]).sort(widest));
    together.forEach((vector, i) => {
      expect(difference(vector, alone[i] as Float32Array)).toBeLessThan(1e-5);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    });
    // Another text has another embedding, so the order is kept.
    expect(difference(together[0] as Float32Array, together[1] as Float32Array)).toBeGreaterThan(1e-2);
  });

  it('needs the mask for that', async () => {
    const blind = { ...model, run: (inputs: Parameters<OrtModel['run']>[0]) => model.run(unmasked(inputs)) };
    const options = { tokenizer, embedding: bertEmbedding('mean'), ...blind };
    const together = await embed(items, { ...options, tokenBudget: 10_000, maxBatchSize: 32 });
    const alone = await embed(items, { ...options, tokenBudget: 1, maxBatchSize: 32 });
    expect(difference(together[1] as Float32Array, alone[1] as Float32Array)).toBeGreaterThan(1e-3);
  });

  it('answers nothing for nothing', async () => {
    const options = { tokenizer, embedding: bertEmbedding('mean'), ...model, tokenBudget: 8, maxBatchSize: 8 };
    expect(await embed([], options)).toEqual([]);
  });
});

const widest = (a: number[], b: number[]) => (b[1] as number) - (a[1] as number);

function difference(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));
}

function unmasked(inputs: Parameters<OrtModel['run']>[0]) {
  return inputs.map((input) =>
    input.name === 'attention_mask'
      ? { ...input, data: (input.data as BigInt64Array<ArrayBuffer>).slice().fill(1n) }
      : input,
  );
}
