import { loadTokenizer } from '@lepton-edge/text';
import OpenAI, { APIError, BadRequestError } from 'openai';
import { describe, expect, it } from 'vitest';
import { BERT_TOKENIZER, bertManifest, bertModel, bertTokenizer } from '../../test/support/bert-model.ts';
import { addFiles, loneNode, writeModels } from './testing/lone-fixture.ts';
import { addModel } from './testing/onnx-file.ts';

const bert = (version = 1, changes: object = {}) => ({
  [`bert/${version}/model.onnx`]: bertModel(version),
  [`bert/${version}/tokenizer.json`]: bertTokenizer(),
  [`bert/${version}/manifest.json`]: JSON.stringify({ ...bertManifest(), ...changes }),
});

const openai = (url: string, apiKey = 'any') => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const difference = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

async function refusal(promise: Promise<unknown>): Promise<APIError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof APIError) return error;
  throw new Error(`expected a refusal, got ${String(error)}`);
}

describe('the official package against a node alone', () => {
  it('lists models, and reads one by its reference', async () => {
    const before = Date.now() / 1000 - 60;
    const { node } = await loneNode({ ...bert(1), ...bert(2), 'add/1/model.onnx': addModel() });
    const { data } = await openai(node.url).models.list();
    expect(data).toEqual(
      ['add', 'bert'].map((id) => ({ id, object: 'model', created: expect.any(Number), owned_by: 'lepton-gpu-node' })),
    );
    expect(data[0]?.created).toBeGreaterThan(before);
    expect(await openai(node.url).models.retrieve('bert@1')).toMatchObject({ id: 'bert@1' });
    expect(await refusal(openai(node.url).models.retrieve('bert@3'))).toMatchObject({
      status: 404,
      code: 'version_not_found',
      type: 'invalid_request_error',
    });
    expect(await refusal(openai(node.url).models.retrieve('Bert'))).toMatchObject({ status: 404 });
  });

  it('gets the same embeddings for a text, for several, for tokens, as floats and as base64', async () => {
    const { node } = await loneNode({ ...bert(1), ...bert(2) });
    const { embeddings } = openai(node.url);
    const input = ['How old are you?', 'lovely weather', 'phone'];
    const tokenizer = loadTokenizer(bertTokenizer(), BERT_TOKENIZER);
    const tokens = input.map((text) => tokenizer.encode(text));
    const count = tokens.flat().length;
    const packed = await embeddings.create({ model: 'bert@1', input });
    expect(packed).toMatchObject({ object: 'list', model: 'bert@1' });
    expect(packed.usage).toEqual({ prompt_tokens: count, total_tokens: count });
    expect(packed.data.map(({ index }) => index)).toEqual([0, 1, 2]);
    const plain = await embeddings.create({ model: 'bert@1', input, encoding_format: 'float' });
    const ofTokens = await embeddings.create({ model: 'bert@1', input: tokens });
    for (const [i, { embedding }] of packed.data.entries()) {
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
      expect(plain.data[i]?.embedding).toEqual(embedding);
      expect(ofTokens.data[i]?.embedding).toEqual(embedding);
      const alone = await embeddings.create({ model: 'bert@1', input: input[i] as string });
      expect(difference(alone.data[0]?.embedding as number[], embedding)).toBeLessThan(1e-5);
    }
    const one = await embeddings.create({ model: 'bert@1', input: tokens[0] as number[] });
    expect(one.usage.prompt_tokens).toBe(tokens[0]?.length);
    const newest = await embeddings.create({ model: 'bert', input: 'a' });
    expect(newest.model).toBe('bert@2');
  });

  it('gets 300 in their order, made in several runs', async () => {
    const fixture = await loneNode(bert());
    const { embeddings } = openai(fixture.node.url);
    const words = ['today', 'lovely', 'phone', 'weather', 'age'];
    const input = Array.from({ length: 300 }, (_, i) => `${words[i % 5]} ${'and the '.repeat(i % 25)}${i}`);
    const { data } = await embeddings.create({ model: 'bert', input });
    for (const i of [0, 24, 151, 299]) {
      const alone = await embeddings.create({ model: 'bert', input: input[i] as string });
      expect(difference(alone.data[0]?.embedding as number[], data[i]?.embedding as number[])).toBeLessThan(1e-5);
    }
    const statistics = await (await fixture.get('/v2/models/bert/stats')).json();
    const { execution_count } = (statistics as { model_stats: [{ execution_count: number }] }).model_stats[0];
    // 300 rows are at least five runs of 64, and the four alone.
    expect(execution_count).toBeGreaterThanOrEqual(9);
    expect(execution_count).toBeLessThan(40);
  });

  it('gets fewer dimensions, and a refusal of more', async () => {
    const { node } = await loneNode(bert());
    const { embeddings } = openai(node.url);
    const whole = await embeddings.create({ model: 'bert', input: 'the weather' });
    const cut = await embeddings.create({ model: 'bert', input: 'the weather', dimensions: 4 });
    const [vector] = whole.data.map(({ embedding }) => embedding) as [number[]];
    const first = vector.slice(0, 4);
    const scale = Math.hypot(...first);
    const expected = first.map((value) => value / scale);
    expect(difference(cut.data[0]?.embedding as number[], expected)).toBeLessThan(1e-5);
    const error = await refusal(embeddings.create({ model: 'bert', input: 'a', dimensions: 33 }));
    expect(error).toMatchObject({ status: 400, param: 'dimensions', message: expect.stringContaining('1 to 32') });
  });

  it('hears what is wrong, and whether to try again', async () => {
    const tokenizer = { ...BERT_TOKENIZER, maxTokens: 8, tooLong: 'refuse' };
    const { node } = await loneNode({ ...bert(1, { tokenizer }), 'add/1/model.onnx': addModel() });
    const { embeddings } = openai(node.url);
    const cases: [body: object, expected: object, sentence: RegExp][] = [
      [{ model: 'bert', input: ['a', ''] }, { status: 400, param: 'input.1' }, /a string that is not empty/],
      [{ model: 'bert' }, { status: 400, param: 'input' }, /input/],
      [{ input: 'a' }, { status: 400, param: 'model' }, /model/],
      [{ model: 'add', input: 'a' }, { status: 400, param: 'model', code: 'invalid_request' }, /makes no embeddings/],
      [{ model: 'none', input: 'a' }, { status: 404, code: 'model_not_found' }, /no model "none"/],
      [{ model: 'bert@production', input: 'a' }, { status: 404, code: 'alias_not_found' }, /knows no aliases/],
      [{ model: 'bert', input: ['a', 'a '.repeat(20)] }, { status: 400 }, /input 1 has 22 tokens/],
      [{ model: 'bert', input: [1, 1e6] }, { status: 400 }, /token 1 is 1000000/],
    ];
    for (const [body, expected, sentence] of cases) {
      const error = await refusal(embeddings.create(body as OpenAI.EmbeddingCreateParams));
      expect(error).toMatchObject({ ...expected, type: 'invalid_request_error' });
      expect(error.message).toMatch(sentence);
      expect(error.headers?.get('x-should-retry')).toBe('false');
    }
    const wrongMethod = await fetch(`${node.url}/v1/embeddings`);
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await wrongMethod.json()).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param: null, code: 'method_not_allowed' },
    });
  });

  it('hears of a tokenizer that cannot be used, which the model’s own inferences do not need', async () => {
    const broken = { ...bert(), 'bert/1/tokenizer.json': '{"model": {"type": "Magic"}}' };
    const fixture = await loneNode(broken);
    await fixture.ready();
    for (let again = 0; again < 2; again++) {
      const error = await refusal(openai(fixture.node.url).embeddings.create({ model: 'bert', input: 'a' }));
      expect(error).toMatchObject({ status: 503, type: 'server_error', code: 'unavailable' });
      expect(error.message).toMatch(/bert@1 cannot read texts: tokenizer.json: .*Magic/);
      expect(error.headers?.get('x-should-retry')).toBe('true');
      expect(error.headers?.get('retry-after')).toBe('1');
    }
    expect((await fixture.get('/v2/models/bert/ready')).status).toBe(200);
  });

  it('hears that a manifest does not fit the model, or names a file that is not there', async () => {
    const embedding = { ...bertManifest().embedding, output: 'nothing' };
    const { node, root } = await loneNode(bert(1, { embedding }), '--load', 'none');
    const { embeddings } = openai(node.url);
    const wrong = await refusal(embeddings.create({ model: 'bert', input: 'a' }));
    expect(wrong).toMatchObject({ status: 503, message: expect.stringContaining('no output "nothing"') });
    await addFiles(root, bert(2, { tokenizer: { ...BERT_TOKENIZER, path: 'other.json' } }));
    await fetch(`${node.url}/v2/repository/models/bert/load`, { method: 'POST' });
    const absent = await refusal(embeddings.create({ model: 'bert@2', input: 'a' }));
    expect(absent).toMatchObject({ status: 503, message: expect.stringContaining('other.json, which is not among') });
  });

  it('gets answers again after the model was unloaded and its tokenizer replaced', async () => {
    const fixture = await loneNode(bert());
    const { embeddings } = openai(fixture.node.url);
    const text = { model: 'bert', input: 'unable' };
    expect((await embeddings.create(text)).usage.prompt_tokens).toBe(4);
    const file = JSON.parse(new TextDecoder().decode(bertTokenizer()));
    file.model.vocab.unable = file.model.vocab.phone;
    delete file.model.vocab.phone;
    await addFiles(fixture.root, { 'bert/1/tokenizer.json': JSON.stringify(file) });
    expect((await fixture.post('/v2/repository/models/bert/load')).status).toBe(200);
    expect((await embeddings.create(text)).usage.prompt_tokens).toBe(3);
  });

  it('is let in by a key of the file', async () => {
    const folder = await writeModels({ keys: 'a-key\n' });
    const { node } = await loneNode(bert(), '--key-file', `${folder}/keys`);
    const error = await refusal(openai(node.url, 'another').embeddings.create({ model: 'bert', input: 'a' }));
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'authentication_error' });
    expect((await openai(node.url, 'a-key').embeddings.create({ model: 'bert', input: 'a' })).data).toHaveLength(1);
    expect(error).not.toBeInstanceOf(BadRequestError);
  });
});
