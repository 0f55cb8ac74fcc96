import type { Manifest, TensorSpec } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { BERT_TOKENIZER, bertEmbedding } from '../../test/support/bert-model.ts';
import { checkTextModel } from './check-text-model.ts';

const tensor = (name: string, shape: number[], datatype: TensorSpec['datatype'] = 'INT64'): TensorSpec => ({
  name,
  datatype,
  shape,
});
const inputs = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => tensor(name, [-1, -1]));
const bert = {
  task: 'embedding',
  format: 'onnx' as const,
  tokenizer: BERT_TOKENIZER,
  embedding: bertEmbedding('mean'),
  inputs,
  outputs: [tensor('last_hidden_state', [-1, -1, 32], 'FP32'), tensor('pooled', [-1, 32], 'FP32')],
};
const [ids, ...others] = inputs as [TensorSpec, ...TensorSpec[]];

describe('checkTextModel', () => {
  it.each<[string, Parameters<typeof checkTextModel>[0]]>([
    ['a BERT', bert],
    ['32-bit ids', { ...bert, inputs: inputs.map((input) => ({ ...input, datatype: 'INT32' })) }],
    ['a pooled output', { ...bert, embedding: { ...bert.embedding, output: 'pooled', pooling: 'none' } }],
    ['a tokenizer for another task', { ...bert, task: 'classification', embedding: undefined }],
    [
      'no text at all',
      { ...bert, task: 'tensor', tokenizer: undefined, embedding: undefined, inputs: [tensor('x', [3], 'FP32')] },
    ],
    ['an .ort file that tells nothing', { ...bert, format: 'ort', inputs: [], outputs: [] }],
  ])('accepts %s', (_, manifest) => expect(() => checkTextModel(manifest)).not.toThrow());

  it.each<[Partial<Manifest>, string]>([
    [{ tokenizer: undefined }, 'manifest.tokenizer: an embedding of texts needs'],
    [{ embedding: undefined }, 'manifest.embedding: task "embedding" needs'],
    [
      { inputs: others },
      'manifest.tokenizer.inputs.ids: the model has no input "input_ids": expected one of "attention_mask"',
    ],
    [
      { inputs: [{ ...ids, datatype: 'FP32' }, ...others] },
      'manifest.tokenizer.inputs.ids: expected "input_ids" as INT64 or INT32 [-1,-1] (texts, tokens), the model has FP32 [-1,-1]',
    ],
    [{ inputs: [{ ...ids, shape: [-1, 128] }, ...others] }, 'the model has INT64 [-1,128]'],
    [{ inputs: [...inputs, tensor('position_ids', [-1, -1])] }, `nothing fills the model's "position_ids"`],
    [
      { tokenizer: { ...BERT_TOKENIZER, inputs: { ids: 'input_ids', mask: 'input_ids' } } },
      'manifest.tokenizer.inputs.mask: "input_ids" is named twice',
    ],
    [
      { embedding: { ...bert.embedding, output: 'nowhere' } },
      'manifest.embedding.output: the model has no output "nowhere"',
    ],
    [
      { embedding: { ...bert.embedding, output: 'pooled' } },
      'manifest.embedding.pooling: "mean" expects [texts, tokens, size] in "pooled", the model has [-1,32]',
    ],
    [{ embedding: { ...bert.embedding, pooling: 'none' } }, '"none" expects [texts, size] in "last_hidden_state"'],
    [{ outputs: [tensor('last_hidden_state', [-1, -1, 32], 'INT64')] }, 'as FP32 or FP16, the model has INT64'],
  ])('says what is missing %#', (changes, sentence) =>
    expect(() => checkTextModel({ ...bert, ...changes })).toThrow(sentence),
  );
});
