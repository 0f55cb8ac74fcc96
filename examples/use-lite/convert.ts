/**
 * Writes Universal Sentence Encoder Lite as ONNX: token embeddings with a timing signal, two transformer layers, the mean over
 * tokens, a dense layer with tanh, and L2 normalisation. Token 0 is padding, so shorter sentences can share a batch; the
 * original's token 0, the unknown piece, is UNKNOWN_TOKEN here.
 * Source: Cer et al. 2018, "Universal Sentence Encoder", and the graph of the TensorFlow.js model itself.
 */
import { GraphBuilder } from '../onnx-writer/graph-builder.ts';
import { UNKNOWN } from './sentence-piece.ts';
import { UNKNOWN_TOKEN } from './tokenizer-file.ts';
import { type FindWeight, loadWeights, type Weight } from './weights.ts';

export type Precision = 'float32' | 'int8';

const VOCABULARY = 8002;
const EMBEDDING = 256;
const MODEL = 512;
const FEED_FORWARD = 1536;
const OPSET = 13;
const FLOAT = 1;
/** Smaller matrices stay as they are: nothing is won. */
const QUANTIZE_FROM = 20_000;

export async function convertUseLite(precision: Precision): Promise<Uint8Array<ArrayBuffer>> {
  return new Conversion(precision, await loadWeights()).run();
}

class Conversion {
  readonly #graph: GraphBuilder;
  readonly #find: FindWeight;
  readonly #precision: Precision;

  constructor(precision: Precision, find: FindWeight) {
    this.#graph = new GraphBuilder(`use_lite_${precision}`);
    this.#precision = precision;
    this.#find = find;
  }

  run(): Uint8Array<ArrayBuffer> {
    const graph = this.#graph;
    const ids = graph.input('input_ids', 'int64', ['batch', 'sequence']);
    graph.output('sentence_embedding', 'float32', ['batch', MODEL]);
    const isToken = graph.node('Cast', [graph.node('Greater', [ids, graph.integers([0], [])])], {
      attributes: { to: FLOAT },
    });
    const mask = graph.node('Unsqueeze', [isToken, graph.integers([2])]);
    const attentionBias = this.#attentionBias(isToken);
    let x = this.#embed(ids, mask);
    x = this.#layer(0, x, attentionBias, EMBEDDING);
    x = this.#layer(1, x, attentionBias, MODEL);
    this.#pool(x, isToken, mask);
    return graph.build(OPSET, `Universal Sentence Encoder Lite (Apache-2.0), ${this.#precision}`);
  }

  /** Token embeddings, to which the timing signal is added where there are tokens. */
  #embed(ids: string, mask: string): string {
    const graph = this.#graph;
    const x = graph.node('Mul', [this.#lookUp(ids), mask]);
    const length = graph.node('Squeeze', [
      graph.node('Slice', [graph.node('Shape', [ids]), graph.integers([1]), graph.integers([2])]),
    ]);
    const range = graph.node('Range', [graph.integers([0], []), length, graph.integers([1], [])]);
    const positions = graph.node('Cast', [range], { attributes: { to: FLOAT } });
    const scales = this.#find(/AddTimingSignal\/TimingSignal\/ExpandDims_1$/);
    const timescales = graph.weight('timescales', [1, EMBEDDING / 2], scales.data);
    const angles = graph.node('Mul', [graph.node('Unsqueeze', [positions, graph.integers([1])]), timescales]);
    const waves = [graph.node('Sin', [angles]), graph.node('Cos', [angles])];
    const timing = graph.node('Concat', waves, { attributes: { axis: 1 } });
    // The original adds the embedding a second time here.
    return graph.node('Add', [x, graph.node('Mul', [graph.node('Add', [x, timing]), mask])]);
  }

  #lookUp(ids: string): string {
    const graph = this.#graph;
    const data = this.#find(/module\/Embeddings_en$/).data.slice();
    data.copyWithin(UNKNOWN_TOKEN * EMBEDDING, UNKNOWN * EMBEDDING, (UNKNOWN + 1) * EMBEDDING);
    const gather = (table: string) => graph.node('Gather', [table, ids], { attributes: { axis: 0 } });
    if (this.#precision === 'float32') return gather(graph.weight('embeddings', [VOCABULARY, EMBEDDING], data));
    const { values, scales } = quantize(data, VOCABULARY, EMBEDDING, 'rows');
    const quantized = gather(graph.weight('embeddings_q', [VOCABULARY, EMBEDDING], values));
    const scale = gather(graph.weight('embeddings_scale', [VOCABULARY], scales));
    const cast = graph.node('Cast', [quantized], { attributes: { to: FLOAT } });
    return graph.node('Mul', [cast, graph.node('Unsqueeze', [scale, graph.integers([2])])]);
  }

  /** Zero where there is a token, very negative where there is padding: [batch, 1, 1, sequence]. */
  #attentionBias(isToken: string): string {
    const graph = this.#graph;
    const ignored = this.#find(/attention_bias_ignore_padding\/mul\/y$/).data[0] as number;
    const isPadding = graph.node('Sub', [graph.floats([1], []), isToken]);
    return graph.node('Unsqueeze', [
      graph.node('Mul', [isPadding, graph.floats([ignored], [])]),
      graph.integers([1, 2]),
    ]);
  }

  /** A transformer layer with normalisation before each part. */
  #layer(index: 0 | 1, x: string, attentionBias: string, width: number): string {
    const graph = this.#graph;
    const find = (name: string) => this.#find(new RegExp(`Layer_${index}/TransformerLayer/${name}`));
    const dense = (input: string, name: string, path: string, shape: [number, number], kernel = `${path}kernel/`) =>
      this.#dense(input, `l${index}_${name}`, find(kernel), find(`${path}bias/`), shape);
    const normalize = (input: string, name: string, path: string) => {
      const norm = (part: string) => find(`${path}layer_prepostprocess/layer_norm/layer_norm_${part}/`);
      return this.#normalize(input, `l${index}_${name}`, norm('scale'), norm('bias'));
    };
    const residual = index === 0 ? dense(x, 'residual', 'dense/', [width, MODEL]) : x;
    const h = normalize(x, 'attention_norm', '');
    const qkv = dense(h, 'qkv', 'MultiheadAttention/qkv_transform_single/', [width, 3 * width]);
    const factor = find('MultiheadAttention/mul/y').data[0] as number;
    const attended = this.#attend(qkv, width, factor, attentionBias);
    const out = dense(attended, 'attention_out', 'MultiheadAttention/output_transform_single/', [width, MODEL]);
    const y = graph.node('Add', [out, residual]);
    const f = normalize(y, 'feed_forward_norm', 'FFN/');
    const inner = dense(f, 'feed_forward_1', 'FFN/conv1/', [MODEL, FEED_FORWARD], 'FFN/conv1/Tensordot/Reshape_1');
    const outer = dense(
      graph.node('Relu', [inner]),
      'feed_forward_2',
      'FFN/conv2/',
      [FEED_FORWARD, MODEL],
      'FFN/conv2/Tensordot/Reshape_1',
    );
    return graph.node('Add', [y, outer]);
  }

  #attend(qkv: string, width: number, factor: number, attentionBias: string): string {
    const graph = this.#graph;
    const heads = this.#find(/split_heads\/split_last_dimension\/Reshape\/shape\/2$/).data[0] as number;
    const parts = graph.split('Split', [qkv, graph.integers([width, width, width])], 3, { axis: 2 });
    const shape = graph.integers([0, 0, heads, width / heads]);
    const [q, k, v] = [
      [0, 2, 1, 3],
      [0, 2, 3, 1],
      [0, 2, 1, 3],
    ].map((perm, i) =>
      graph.node('Transpose', [graph.node('Reshape', [parts[i] as string, shape])], { attributes: { perm } }),
    ) as [string, string, string];
    const scaled = graph.node('Mul', [q, graph.floats([factor], [])]);
    const scores = graph.node('Add', [graph.node('MatMul', [scaled, k]), attentionBias]);
    const weights = graph.node('Softmax', [scores], { attributes: { axis: -1 } });
    const merged = graph.node('Transpose', [graph.node('MatMul', [weights, v])], {
      attributes: { perm: [0, 2, 1, 3] },
    });
    return graph.node('Reshape', [merged, graph.integers([0, 0, width])]);
  }

  /** The mean over tokens, a dense layer, and length one. */
  #pool(x: string, isToken: string, mask: string): void {
    const graph = this.#graph;
    const sum = graph.node('ReduceSum', [graph.node('Mul', [x, mask]), graph.integers([1])], {
      attributes: { keepdims: 0 },
    });
    const tokens = graph.node('ReduceSum', [isToken, graph.integers([1])], { attributes: { keepdims: 1 } });
    const mean = graph.node('Div', [sum, graph.node('Max', [tokens, graph.floats([1])])]);
    const [weights, bias] = [this.#find(/tanh_layer_0\/weights/), this.#find(/tanh_layer_0\/bias/)];
    const t = graph.node('Tanh', [this.#dense(mean, 'tanh', weights, bias, [MODEL, MODEL])]);
    const squares = graph.node('ReduceSum', [graph.node('Mul', [t, t]), graph.integers([1])], {
      attributes: { keepdims: 1 },
    });
    const length = graph.node('Sqrt', [graph.node('Max', [squares, graph.floats([1e-12])])]);
    graph.node('Div', [t, length], { outputs: ['sentence_embedding'] });
  }

  #dense(x: string, name: string, kernel: Weight, bias: Weight, [rows, columns]: [number, number]): string {
    const graph = this.#graph;
    const product = graph.node('MatMul', [x, this.#matrix(`${name}_kernel`, kernel, rows, columns)]);
    return graph.node('Add', [product, graph.weight(`${name}_bias`, [columns], bias.data)]);
  }

  #matrix(name: string, { data }: Weight, rows: number, columns: number): string {
    const graph = this.#graph;
    if (this.#precision === 'float32' || data.length < QUANTIZE_FROM) return graph.weight(name, [rows, columns], data);
    const { values, scales } = quantize(data, rows, columns, 'columns');
    const inputs = [
      graph.weight(`${name}_q`, [rows, columns], values),
      graph.weight(`${name}_scale`, [columns], scales),
    ];
    return graph.node('DequantizeLinear', inputs, { attributes: { axis: 1 } });
  }

  #normalize(x: string, name: string, scale: Weight, bias: Weight): string {
    const graph = this.#graph;
    const epsilon = graph.floats([this.#epsilon()], []);
    const mean = graph.node('ReduceMean', [x], { attributes: { axes: [-1], keepdims: 1 } });
    const centred = graph.node('Sub', [x, mean]);
    const variance = graph.node('ReduceMean', [graph.node('Mul', [centred, centred])], {
      attributes: { axes: [-1], keepdims: 1 },
    });
    const normal = graph.node('Div', [centred, graph.node('Sqrt', [graph.node('Add', [variance, epsilon])])]);
    const scaled = graph.node('Mul', [normal, graph.weight(`${name}_scale`, scale.shape, scale.data)]);
    return graph.node('Add', [scaled, graph.weight(`${name}_bias`, bias.shape, bias.data)]);
  }

  #epsilon(): number {
    return this.#find(/layer_norm\/Cast\/x$/).data[0] as number;
  }
}

/** Symmetric 8-bit integers with one scale a row or column. */
function quantize(data: Float32Array, rows: number, columns: number, per: 'rows' | 'columns') {
  const channel = (i: number) => (per === 'rows' ? Math.floor(i / columns) : i % columns);
  const scales = new Float32Array(per === 'rows' ? rows : columns);
  data.forEach((value, i) => {
    const c = channel(i);
    scales[c] = Math.max(scales[c] as number, Math.abs(value));
  });
  for (let c = 0; c < scales.length; c++) scales[c] = ((scales[c] as number) || 1) / 127;
  const values = Int8Array.from(data, (value, i) => Math.round(value / (scales[channel(i)] as number)));
  return { values, scales };
}
