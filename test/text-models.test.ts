import { createHash } from 'node:crypto';
import type { LeptonClient, TensorInput } from '@lepton-edge/client';
import type { ManifestInput, Tensor } from '@lepton-edge/protocol';
import { embed, loadTokenizer } from '@lepton-edge/text';
import { describe, expect, it } from 'vitest';
import { client, newModel } from './support/api.ts';
import {
  BERT_TOKENIZER,
  bertEmbedding,
  bertManifest,
  bertModel,
  bertTokenizer,
  bertTokenizerFields,
} from './support/bert-model.ts';
import { modelOf } from './support/ort-model.ts';

type Bytes = Uint8Array<ArrayBuffer>;

async function store(own: LeptonClient, bytes: Bytes): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const upload = await own.uploads.create({ sizeBytes: bytes.byteLength, digest });
  if ('exists' in upload) return digest;
  await own.uploads.putPart(upload.id, 1, bytes);
  await own.uploads.complete(upload.id);
  return digest;
}

/** Makes a version of a small BERT of a new team. */
async function push(manifest: ManifestInput, tokenizer: Bytes = bertTokenizer()) {
  const { client: own, name } = await newModel();
  const contents = { 'model.onnx': bertModel(), 'tokenizer.json': tokenizer };
  const files: { path: string; digest: string }[] = [];
  for (const [path, bytes] of Object.entries(contents)) files.push({ path, digest: await store(own, bytes) });
  return { own, name, made: await own.versions.create(name, { files, manifest }) };
}

const json = (fields: unknown) => new TextEncoder().encode(JSON.stringify(fields));

describe('a version that embeds texts', () => {
  it('is admitted with its tokenizer, and embeds the same at the edge, on a node and alone', async () => {
    const { own, name, made } = await push(bertManifest());
    const version = await own.versions.waitReady(name, made.version);
    expect(version).toMatchObject({
      manifest: {
        task: 'embedding',
        tokenizer: BERT_TOKENIZER,
        files: [{ path: 'model.onnx' }, { path: 'tokenizer.json' }],
      },
      admission: { edgeEligible: true, edge: { batchInvariant: true }, node: { batchInvariant: true } },
    });
    const tokenizer = loadTokenizer(bertTokenizer(), BERT_TOKENIZER);
    const items = ['How old are you?', 'What lovely weather it was, the whole of the day!'].map((text) =>
      tokenizer.encode(text),
    );
    const { inputs } = version.manifest;
    const limits = { tokenBudget: 1024, maxBatchSize: 8 };
    const alone = await modelOf(bertModel());
    const expected = await embed(items, { tokenizer, embedding: bertEmbedding('mean'), ...alone, ...limits });
    for (const place of ['edge', 'node'] as const) {
      const run = async (batch: Tensor[]) => (await own.infer(name, batch as TensorInput[], { place })).outputs;
      const vectors = await embed(items, { tokenizer, embedding: bertEmbedding('mean'), inputs, run, ...limits });
      vectors.forEach((vector, i) => {
        const difference = vector.map((value, k) => Math.abs(value - (expected[i]?.[k] as number)));
        expect(Math.max(...difference)).toBeLessThan(1e-4);
      });
    }
  });

  it.each<[string, ManifestInput, Bytes | undefined, string]>([
    [
      'no tokenizer',
      { task: 'embedding', embedding: bertEmbedding('mean') },
      undefined,
      'manifest.tokenizer: an embedding of texts needs a tokenizer.json',
    ],
    [
      'no embedding',
      { task: 'embedding', tokenizer: BERT_TOKENIZER },
      undefined,
      'manifest.embedding: task "embedding" needs an output',
    ],
    [
      'inputs that nothing fills',
      { ...bertManifest(), tokenizer: { ...BERT_TOKENIZER, inputs: { ids: 'input_ids' } } },
      undefined,
      `nothing fills the model's "attention_mask", "token_type_ids"`,
    ],
    [
      'an output of another form',
      { ...bertManifest(), embedding: { ...bertEmbedding('mean'), pooling: 'none' } },
      undefined,
      'manifest.embedding.pooling: "none" expects [texts, size] in "last_hidden_state", the model has [-1,-1,32]',
    ],
    [
      'a tokenizer file that is absent',
      { ...bertManifest(), tokenizer: { ...BERT_TOKENIZER, path: 'else.json' } },
      undefined,
      '"else.json" is not among the files',
    ],
    [
      'a tokenizer that is none',
      bertManifest(),
      json({ vocab: [] }),
      'tokenizer.json: expected a tokenizer.json as Hugging Face tokenizers write it',
    ],
    [
      'an expression that may take for ever',
      bertManifest(),
      json({ ...bertTokenizerFields(), normalizer: { type: 'Replace', pattern: { Regex: '(a+)+$' }, content: '' } }),
      'the expression repeats a group (…)+, so it could take for ever on some text',
    ],
  ])('is refused when it has %s', async (_, manifest, tokenizer, sentence) => {
    const refused = push(manifest, tokenizer);
    await expect(refused).rejects.toMatchObject({ status: 422, code: 'model_invalid' });
    await expect(refused).rejects.toThrow(sentence);
  });

  it('is what the examples are', async () => {
    for (const name of ['use-lite', 'use-lite-int8']) {
      const { manifest } = await client().versions.get(name, 1);
      expect(manifest).toMatchObject({
        task: 'embedding',
        tokenizer: { maxTokens: 128 },
        embedding: { pooling: 'none' },
      });
      expect(manifest.files.map(({ path }) => path)).toEqual(['model.onnx', 'tokenizer.json']);
    }
  });
});
