/** Text models whose tokenizer is too large for an isolate: a node reads their texts. */
import { sourceOf, uploadFile } from '@lepton-edge/client';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, call, newModel, untilReady } from './support/api.ts';
import {
  BERT_TOKENIZER,
  BERT_VOCABULARY,
  bertManifest,
  bertModel,
  bertTokenizer,
  bertTokenizerFields,
} from './support/bert-model.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const MIB = 1024 * 1024;
/** Of 0.13 kB each: more than the 40 MB that an isolate has for them. */
const WORDS_TOO_MANY = 330_000;

/** The same ids for the same texts, and many more that no text of these tests has. */
function withManyWords(): Bytes {
  const fields = bertTokenizerFields();
  const pieces = new Set(BERT_VOCABULARY);
  for (let i = 0; i < WORDS_TOO_MANY; i++) pieces.add(`ж${i.toString(36)}`);
  const model = { ...fields.model, vocab: Object.fromEntries([...pieces].map((piece, id) => [piece, id])) };
  return new TextEncoder().encode(JSON.stringify({ ...fields, model }));
}

/** The same tokenizer in a file of more than 8 MiB. */
function withManySpaces(): Bytes {
  const file = new Uint8Array(9 * MIB).fill(0x20);
  file.set(bertTokenizer());
  return file;
}

const owner = newModel();
/** By its tokenizer: what to name in a request. */
const references: Record<string, string> = {};

beforeAll(async () => {
  const { client: own, name } = await owner;
  const tokenizer = { ...BERT_TOKENIZER, maxTokens: 16, tooLong: 'refuse' as const };
  for (const [what, file] of Object.entries({
    small: bertTokenizer(),
    words: withManyWords(),
    spaces: withManySpaces(),
  })) {
    const files = [];
    for (const [path, bytes] of Object.entries({ 'model.onnx': bertModel(), 'tokenizer.json': file })) {
      const { digest } = await uploadFile(own, sourceOf(new Blob([bytes]), path));
      files.push({ path, digest });
    }
    const made = await own.versions.create(name, { files, manifest: { ...bertManifest(), tokenizer } });
    const { version } = await untilReady(own, made);
    references[what] = `${name}@${version}`;
  }
});

async function embed(what: string, input: unknown, more: object = {}, headers: Record<string, string> = {}) {
  const { secret: key } = await owner;
  return await call('POST', '/v1/embeddings', { key, headers, body: { model: references[what], input, ...more } });
}

const vectors = ({ body }: Answer) => (body.data as { embedding: number[] }[]).map(({ embedding }) => embedding);
const cache = ({ headers }: Answer) => headers.get('x-lepton-cache');
const placement = ({ headers }: Answer) => headers.get('x-lepton-placement');

function expectNear(actual: number[][], expected: number[][]) {
  expect(actual).toHaveLength(expected.length);
  for (const [i, vector] of actual.entries()) {
    expect(vector).toHaveLength(expected[i]?.length ?? 0);
    for (const [k, value] of vector.entries())
      expect(Math.abs(value - (expected[i]?.[k] as number))).toBeLessThan(1e-4);
  }
}

describe.each(['words', 'spaces'])('a tokenizer with too many %s', (what) => {
  it('gives the embeddings and the tokens of the small one, made on a node', async () => {
    const input = ['How old are you?', 'the weather', `today ${what} \ud83d`];
    const small = await embed('small', input);
    const large = await embed(what, input);
    expect([large.status, placement(large), cache(large)]).toEqual([200, expect.stringMatching(/^node:/), 'miss']);
    expectNear(vectors(large), vectors(small));
    expect(large.body).toMatchObject({ model: references[what], usage: small.body.usage });
    expect(large.headers.get('server-timing')).toMatch(/node/);
    const tokens = [
      [2, 7, 8, 3],
      [2, 9, 3],
    ];
    expectNear(vectors(await embed(what, tokens)), vectors(await embed('small', tokens)));
  });

  it('has each text remembered, with its tokens', async () => {
    const [a, b, c] = [`lovely ${what} one`, `lovely ${what} two`, `lovely ${what} three`];
    const first = await embed(what, [a, b]);
    expect(cache(first)).toBe('miss');
    const again = await embed(what, [b, a]);
    expect([cache(again), placement(again)]).toEqual(['hit', 'cache']);
    expect(vectors(again)).toEqual(vectors(first).reverse());
    expect(again.body.usage).toEqual(first.body.usage);
    const cut = await embed(what, a, { dimensions: 4 });
    expect([cache(cut), vectors(cut)[0]?.length]).toEqual(['hit', 4]);
    const more = await embed(what, [a, c, b]);
    expect([cache(more), more.body.usage]).toEqual(['miss', (await embed('small', [a, c, b])).body.usage]);
  });

  it('refuses as the small one does, and names the input by its place in the request', async () => {
    const known = `phone ${what}`;
    await embed(what, known);
    const input = [known, 'today '.repeat(40)];
    const [small, large] = [await embed('small', input), await embed(what, input)];
    expect([large.status, large.body]).toEqual([400, small.body]);
    expect(large.text).toContain('input 1 has 42 tokens');
  });

  it('does not run at the edge, and says why', async () => {
    const answer = await embed(what, 'a', {}, { 'x-lepton-place': 'edge' });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ code: 'placement_not_allowed' });
    const why = what === 'words' ? 'MB of memory, and 40 MB are there' : 'it has 9437184 bytes';
    expect(answer.text).toContain(why);
    const asked = await embed(what, 'a', {}, { 'x-lepton-place': 'node' });
    expect([asked.status, cache(asked)]).toEqual([200, 'bypass']);
  });
});

it('a model counts what its nodes have embedded', async () => {
  const { secret: key } = await owner;
  await embed('words', ['counted one', 'counted two'], {}, { 'x-lepton-place': 'node' });
  const path = `/v2/models/${references.words}/stats`;
  await expect
    .poll(async () => {
      const { body } = await call('GET', path, { key });
      return (body.model_stats as { inference_count: number }[])[0]?.inference_count;
    })
    .toBeGreaterThanOrEqual(2);
});
