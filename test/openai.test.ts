import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LeptonClient, sourceOf, uploadFile } from '@lepton-edge/client';
import type { ManifestInput, Version } from '@lepton-edge/protocol';
import { loadTokenizer } from '@lepton-edge/text';
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { describe, expect, inject, it } from 'vitest';
import { similarity } from '../examples/use-lite/index.ts';
import reference from '../examples/use-lite/reference.generated.json' with { type: 'json' };
import { buildTokenizerFile } from '../examples/use-lite/tokenizer-file.ts';
import { call, client, freshName, newModel, newTeamKey, untilReady } from './support/api.ts';
import { BERT_TOKENIZER, bertManifest, bertModel, bertTokenizer } from './support/bert-model.ts';

/** The official package; only the address and the key are ours. */
function openai(options: { apiKey?: string; maxRetries?: number; headers?: Record<string, string> } = {}) {
  const { apiKey = inject('adminKey'), maxRetries = 0, headers } = options;
  return new OpenAI({ baseURL: `${inject('gatewayUrl')}/v1`, apiKey, maxRetries, defaultHeaders: headers });
}

const texts = reference.texts.map(({ text }) => text);
const expected = reference.texts.map(
  ({ embedding }) => new Float32Array(new Uint8Array(Buffer.from(embedding, 'base64')).buffer),
);
const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) => similarity(Float32Array.from(a), Float32Array.from(b));

/** Makes a version of two files. */
async function pushBert(own: LeptonClient, model: string, manifest: ManifestInput): Promise<Version> {
  seed++;
  const paths = { 'model.onnx': bertModel(seed), 'tokenizer.json': bertTokenizer() };
  const files = await Promise.all(
    Object.entries(paths).map(async ([path, bytes]) => {
      const { digest } = await uploadFile(own, sourceOf(new Blob([bytes]), path));
      return { path, digest };
    }),
  );
  return await own.versions.create(model, { files, manifest });
}

let seed = 0;

describe('models', () => {
  it('are listed, and read by name or by reference', async () => {
    const ids: string[] = [];
    for await (const model of openai().models.list()) ids.push(model.id);
    expect(ids).toEqual(expect.arrayContaining(['use-lite', 'digits']));
    const model = await openai().models.retrieve('use-lite@1');
    expect(model).toMatchObject({ id: 'use-lite@1', object: 'model', owned_by: 'default' });
    expect(model.created).toBeGreaterThan(1_700_000_000);
  });

  it('of other teams are neither listed nor found', async () => {
    const { secret } = await newTeamKey('infer');
    const { name } = await newModel();
    const other = openai({ apiKey: secret });
    expect((await other.models.list()).data.map(({ id }) => id)).not.toContain(name);
    await expect(other.models.retrieve(name)).rejects.toThrow(NotFoundError);
    await expect(other.models.retrieve('nobody-has-this')).rejects.toThrow(NotFoundError);
  });
});

describe.each([
  ['use-lite', 'node', 0.9999],
  ['use-lite-int8', 'edge', 0.98],
])('embeddings of %s', (model, place, nearest) => {
  it.each([undefined, 'float', 'base64'] as const)('are those of the original, as %s', async (encoding_format) => {
    const answer = await openai().embeddings.create({
      model,
      input: texts,
      ...(encoding_format && { encoding_format }),
    });
    expect(answer.model).toBe(`${model}@1`);
    expect(answer.data.map(({ index }) => index)).toEqual(texts.map((_text, i) => i));
    answer.data.forEach(({ embedding }, i) => {
      const vector =
        encoding_format === 'base64'
          ? new Float32Array(new Uint8Array(Buffer.from(embedding as unknown as string, 'base64')).buffer)
          : embedding;
      expect(cosine(vector, expected[i] as Float32Array)).toBeGreaterThan(nearest);
    });
  });

  it(`of 300 texts are those of each alone, computed at ${place === 'edge' ? 'the edge' : 'a node'}`, async () => {
    const many = Array.from({ length: 300 }, (_, i) => `${texts[i % texts.length]} ${'and so on '.repeat(i % 7)}${i}`);
    const there = openai({ headers: { 'x-lepton-place': place } });
    const answer = await there.embeddings.create({ model, input: many });
    expect(answer.data).toHaveLength(300);
    for (const i of [0, 1, 150, 299]) {
      const alone = await there.embeddings.create({ model, input: many[i] as string });
      const vector = alone.data[0]?.embedding as number[];
      expect(cosine(vector, answer.data[i]?.embedding as number[])).toBeGreaterThan(0.9999);
    }
  });

  it('count real tokens, and are the same for the tokens themselves', async () => {
    const { manifest } = await client().versions.get(model, 1);
    if (!manifest.tokenizer) throw new Error('no tokenizer');
    const tokenizer = loadTokenizer(await buildTokenizerFile(), manifest.tokenizer);
    const tokens = texts.map((text) => tokenizer.encode(text));
    const ofTexts = await openai().embeddings.create({ model, input: texts });
    const ofTokens = await openai().embeddings.create({ model, input: tokens });
    const ofOne = await openai().embeddings.create({ model, input: tokens[0] as number[] });
    const count = tokens.flat().length;
    expect(ofTexts.usage).toEqual({ prompt_tokens: count, total_tokens: count });
    expect(ofTokens).toEqual(ofTexts);
    expect(ofOne.data[0]?.embedding).toEqual(ofTexts.data[0]?.embedding);
  });

  it('of like sentences are closer than of others, and no script makes it fail', async () => {
    const input = ['How old are you?', 'What is your age?', 'The train leaves at noon.'];
    const strange = ['Сколько тебе лет?', 'كم عمرك؟', '你几岁了？', '👩‍👩‍👧 e\u0301', '\ud83d', '\u0000'];
    const { data } = await openai().embeddings.create({ model, input: [...input, ...strange] });
    const [a, b, c] = data.map(({ embedding }) => embedding) as [number[], number[], number[]];
    expect(cosine(a, b)).toBeGreaterThan(0.7);
    expect(cosine(a, b)).toBeGreaterThan(cosine(a, c) + 0.2);
    for (const { embedding } of data) expect(embedding.every(Number.isFinite)).toBe(true);
  });
});

describe('the cache', () => {
  it('has each text by itself', async () => {
    const fresh = [freshName('one'), freshName('two'), freshName('three')];
    const first = await call('POST', '/v1/embeddings', { body: { model: 'use-lite-int8', input: fresh.slice(0, 2) } });
    expect(first.headers.get('x-lepton-cache')).toBe('miss');
    const again = await call('POST', '/v1/embeddings', {
      body: { model: 'use-lite-int8', input: [fresh[1], fresh[0]] },
    });
    expect(again.headers.get('x-lepton-cache')).toBe('hit');
    expect(again.headers.get('x-lepton-placement')).toBe('cache');
    const rows = (answer: typeof first) => (answer.body.data as { embedding: number[] }[]).map((row) => row.embedding);
    expect(rows(again)).toEqual(rows(first).reverse());
    const more = await call('POST', '/v1/embeddings', { body: { model: 'use-lite-int8', input: fresh } });
    expect(more.headers.get('x-lepton-cache')).toBe('miss');
    expect(rows(more).slice(0, 2)).toEqual(rows(first));
  });
});

describe('a model of BERT’s shape', () => {
  it('is padded and masked, cut to what is asked for, and refuses what is too long as its manifest says', async () => {
    const { client: own, name, secret } = await newModel();
    const tokenizer = { ...BERT_TOKENIZER, maxTokens: 16, tooLong: 'refuse' as const };
    await untilReady(own, await pushBert(own, name, { ...bertManifest(), tokenizer }));
    const ours = openai({ apiKey: secret });
    const input = ['the weather', 'how old are you, phone age?', 'lovely'];
    const together = await ours.embeddings.create({ model: name, input });
    for (const [i, text] of input.entries()) {
      const alone = await ours.embeddings.create(
        { model: name, input: text },
        { headers: { 'x-lepton-place': 'edge' } },
      );
      expect(cosine(alone.data[0]?.embedding as number[], together.data[i]?.embedding as number[])).toBeGreaterThan(
        0.99999,
      );
    }
    const cut = await ours.embeddings.create({ model: name, input, dimensions: 8 });
    const [vector] = cut.data.map(({ embedding }) => embedding) as [number[]];
    expect(vector).toHaveLength(8);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    const long = ours.embeddings.create({ model: name, input: ['today', 'today '.repeat(40)] });
    await expect(long).rejects.toThrow(/input 1 has 42 tokens, the model takes at most 16/);
  });
});

describe('what is refused', () => {
  const refusals: [body: object, param: string, sentence: RegExp][] = [
    [{ model: 'digits', input: 'a' }, 'model', /digits@1 makes no embeddings/],
    [{ model: 'use-lite', input: '' }, 'input', /expected a string that is not empty/],
    [{ model: 'use-lite', input: ['a', ''] }, 'input.1', /expected a string that is not empty/],
    [{ model: 'use-lite', input: 'a', encoding_format: 'int8' }, 'encoding_format', /encoding_format/],
    [{ model: 'use-lite', input: 'a', dimensions: 7.5 }, 'dimensions', /dimensions/],
    [{ input: 'a' }, 'model', /model/],
  ];
  it.each(refusals)('%j', async (body, param, sentence) => {
    const create = openai().embeddings.create(body as OpenAI.EmbeddingCreateParams);
    const error: BadRequestError = await create.then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.message).toMatch(sentence);
    expect(error).toMatchObject({ param, type: 'invalid_request_error' });
  });

  it('tokens that are none of the model’s, and dimensions it does not have', async () => {
    const { embeddings } = openai();
    await expect(embeddings.create({ model: 'use-lite', input: [1, 900_000] })).rejects.toThrow(
      /from 0 to \d+, token 1 is 900000/,
    );
    await expect(embeddings.create({ model: 'use-lite', input: 'a', dimensions: 100_000 })).rejects.toThrow(
      BadRequestError,
    );
  });

  it('an unknown model and an unknown key', async () => {
    const { embeddings } = openai();
    await expect(embeddings.create({ model: 'nobody-has-this', input: 'a' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    const stranger = openai({ apiKey: 'lk_nobody' }).embeddings.create({ model: 'use-lite', input: 'a' });
    const error: AuthenticationError = await stranger.then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error.code).toBe('invalid_api_key');
  });
});

describe('the package’s retries', () => {
  it('end well after 503, when a version has been admitted', async () => {
    const { client: own, name, secret } = await newModel();
    await pushBert(own, name, bertManifest());
    const seen: number[] = [];
    const fetchSeen: typeof fetch = async (...args) => {
      const response = await fetch(...args);
      seen.push(response.status);
      return response;
    };
    const ours = new OpenAI({
      baseURL: `${inject('gatewayUrl')}/v1`,
      apiKey: secret,
      maxRetries: 10,
      fetch: fetchSeen,
    });
    const { data } = await ours.embeddings.create({ model: `${name}@1`, input: 'today' });
    expect(data[0]?.embedding.length).toBeGreaterThan(0);
    expect(seen[0]).toBe(503);
    expect(seen.at(-1)).toBe(200);
  });

  it('end well after 429, when there is room again, and are not made for what the caller has to mend', async () => {
    const { port, hostname } = new URL(inject('gatewayUrl'));
    // A caller who sends most of what an isolate holds at once, and stops.
    const hog = connect(Number(port), hostname);
    const size = 16 * 1024 * 1024 - 64;
    hog.write(
      `POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${inject('adminKey')}\r\ncontent-length: ${size}\r\n\r\n`,
    );
    await new Promise((resolve) => hog.write(new Uint8Array(size - 1).fill(0x20), resolve));
    const input = 'a b c d '.repeat(50);
    const refused = async () => {
      const { embeddings } = openai();
      return await embeddings.create({ model: 'use-lite-int8', input }).then(
        () => undefined,
        (error: unknown) => error,
      );
    };
    let error = await refused();
    while (!(error instanceof RateLimitError)) {
      await sleep(50);
      error = await refused();
    }
    expect(error.headers?.get('retry-after')).toBe('1');
    expect(error.headers?.get('x-should-retry')).toBe('true');
    setTimeout(() => hog.destroy(), 300);
    const { data } = await openai({ maxRetries: 5 }).embeddings.create({ model: 'use-lite-int8', input });
    expect(data).toHaveLength(1);
    const wrong = await openai()
      .embeddings.create({ model: 'digits', input })
      .then(
        () => undefined,
        (thrown) => thrown,
      );
    expect(wrong.headers.get('x-should-retry')).toBe('false');
  });
});
