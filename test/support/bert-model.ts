/**
 * A text model as BERT is built, small and with random weights, and its tokenizer.json: word, position and type embeddings, one layer of
 * self-attention under a mask, layer normalization. Source: Devlin et al. 2018, "BERT".
 */
import type { EmbeddingSpec, ManifestInput, TokenizerSpec } from '@lepton-edge/protocol';
import { GraphBuilder } from '../../examples/onnx-writer/graph-builder.ts';

const HIDDEN = 32;
const HEADS = 4;
const FLOAT = 1;
const OPSET = 17;
const BERT_MAX_TOKENS = 64;

const SPECIAL = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const WORDS =
  'the a of and to in is it was you this that we what how old are weather today lovely age phone un ##able ##ing ##ed';
const LETTERS = [...'abcdefghijklmnopqrstuvwxyz0123456789'];
const SIGNS = [...'.,!?\'"-:;()&%$', ...'你好世界'];
export const BERT_VOCABULARY: readonly string[] = [
  ...new Set([...SPECIAL, ...WORDS.split(' '), ...LETTERS, ...LETTERS.map((letter) => `##${letter}`), ...SIGNS]),
];

export const BERT_TOKENIZER: TokenizerSpec = {
  path: 'tokenizer.json',
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
  maxTokens: BERT_MAX_TOKENS,
  tooLong: 'truncate',
};

export function bertEmbedding(pooling: 'mean' | 'cls'): EmbeddingSpec {
  return { output: 'last_hidden_state', pooling, normalize: true, dimensions: 'truncatable' };
}

/** For the files `model.onnx` and `tokenizer.json`. */
export function bertManifest(pooling: 'mean' | 'cls' = 'mean'): ManifestInput {
  return { task: 'embedding', tokenizer: BERT_TOKENIZER, embedding: bertEmbedding(pooling) };
}

/** input_ids, attention_mask, token_type_ids int64[b, s] → last_hidden_state float32[b, s, 32]. @param seed makes other weights, and so another digest */
export function bertModel(seed = 1): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder('bert');
  const random = randomNumbers(seed);
  const weight = (name: string, shape: number[]) =>
    graph.weight(name, shape, Float32Array.from({ length: shape.reduce((a, b) => a * b) }, random));
  const [ids, mask, types] = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) =>
    graph.input(name, 'int64', ['batch', 'sequence']),
  ) as [string, string, string];
  graph.output('last_hidden_state', 'float32', ['batch', 'sequence', HIDDEN]);
  const normalize = (name: string, x: string, outputs?: string[]) =>
    graph.node('LayerNormalization', [x, weight(`${name}_scale`, [HIDDEN]), weight(`${name}_bias`, [HIDDEN])], {
      attributes: { axis: -1, epsilon: { float: 1e-12 } },
      ...(outputs ? { outputs } : {}),
    });

  const length = graph.node('Gather', [graph.node('Shape', [ids]), graph.integers([1], [])], {
    attributes: { axis: 0 },
  });
  const positions = graph.node('Range', [graph.integers([0], []), length, graph.integers([1], [])]);
  const words = graph.node('Gather', [weight('words', [BERT_VOCABULARY.length, HIDDEN]), ids]);
  const places = graph.node('Gather', [weight('positions', [BERT_MAX_TOKENS, HIDDEN]), positions]);
  const kinds = graph.node('Gather', [weight('types', [2, HIDDEN]), types]);
  const x = normalize('embeddings', graph.node('Add', [graph.node('Add', [words, kinds]), places]));

  const isToken = graph.node('Cast', [mask], { attributes: { to: FLOAT } });
  const isPadding = graph.node('Sub', [graph.floats([1], []), isToken]);
  const bias = graph.node('Unsqueeze', [
    graph.node('Mul', [isPadding, graph.floats([-10_000], [])]),
    graph.integers([1, 2]),
  ]);
  const heads = (name: string, perm: number[]) => {
    const projected = graph.node('MatMul', [x, weight(name, [HIDDEN, HIDDEN])]);
    const split = graph.node('Reshape', [projected, graph.integers([0, 0, HEADS, HIDDEN / HEADS])]);
    return graph.node('Transpose', [split], { attributes: { perm } });
  };
  const scores = graph.node('MatMul', [heads('query', [0, 2, 1, 3]), heads('key', [0, 2, 3, 1])]);
  const attention = graph.node('Softmax', [graph.node('Add', [scores, bias])], { attributes: { axis: -1 } });
  const mixed = graph.node('Transpose', [graph.node('MatMul', [attention, heads('value', [0, 2, 1, 3])])], {
    attributes: { perm: [0, 2, 1, 3] },
  });
  const joined = graph.node('Reshape', [mixed, graph.integers([0, 0, HIDDEN])]);
  const out = graph.node('MatMul', [joined, weight('out', [HIDDEN, HIDDEN])]);
  normalize('output', graph.node('Add', [out, x]), ['last_hidden_state']);
  return graph.build(OPSET, 'a small BERT with random weights');
}

/** The fields of BERT's tokenizer.json; tests change some. */
export function bertTokenizerFields() {
  const token = (content: string) => ({
    id: BERT_VOCABULARY.indexOf(content),
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const specialTokens = Object.fromEntries(
    ['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [BERT_VOCABULARY.indexOf(id)], tokens: [id] }]),
  );
  return {
    version: '1.0',
    truncation: null,
    padding: {
      strategy: 'BatchLongest',
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: '[PAD]',
    },
    added_tokens: SPECIAL.map(token),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]')],
      pair: [
        special('[CLS]'),
        { Sequence: { id: 'A', type_id: 0 } },
        special('[SEP]'),
        { Sequence: { id: 'B', type_id: 1 } },
        { SpecialToken: { id: '[SEP]', type_id: 1 } },
      ],
      special_tokens: specialTokens,
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(BERT_VOCABULARY.map((piece, id) => [piece, id])),
    },
  };
}

export function bertTokenizer(): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(bertTokenizerFields()));
}

/** Between -0.5 and 0.5, the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}
