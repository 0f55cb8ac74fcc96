/** Language of a text: lande's small network, converted from its npm package. */
import { type Example, type Inferer, inferOptions, type RunOptions } from '../example.ts';
import { GraphBuilder } from '../onnx-writer/graph-builder.ts';
import { mostLikely } from '../probabilities.ts';
import { denseLayers, languages, ngramFrequencies } from './lande.ts';

const NGRAMS = 620;
const LANGUAGES = 50;
const SAMPLE = 'Le serveur d’inférence répond très vite aux requêtes de ses clients';

export const language: Example = {
  name: 'language',
  model: {
    name: 'language',
    task: 'text-classification',
    description: 'Which of fifty languages a text is written in',
    visibility: 'public',
    labels: { origin: 'lande', package: 'lande@1.0.10' },
  },
  manifest: {
    task: 'text-classification',
    labels: await languages(),
    license: 'MIT',
    card: 'A perceptron over the frequencies of 620 n-grams, by Fabio Spampinato, trained on Tatoeba sentences.',
    preprocessing: {
      ngram_freq: 'the share of each n-gram of lande’s list in the text, see examples/language/lande.ts',
    },
    provenance: { package: 'lande@1.0.10', recipe: 'examples/language/index.ts' },
  },
  build: convert,
  async run(gateway, options) {
    const { name, probability, last } = await detectLanguage(gateway, SAMPLE, options);
    return { answer: `this is ${name} (${probability.toFixed(2)})`, last, calls: 1 };
  },
};

/** The language of a text: its ISO 639-3 code and English name. */
export async function detectLanguage(gateway: Inferer, text: string, options?: RunOptions) {
  const data = await ngramFrequencies(text);
  const input = { name: 'ngram_freq', datatype: 'FP32' as const, shape: [1, NGRAMS], data };
  const last = await gateway.infer(options?.ref ?? 'language', [input], inferOptions(options));
  const { index, probability } = mostLikely(last.output('probabilities').data as Float32Array);
  const code = (await languages())[index] ?? '';
  const name = new Intl.DisplayNames('en', { type: 'language' }).of(code) ?? code;
  return { code, name, probability, last };
}

async function convert(): Promise<Uint8Array<ArrayBuffer>> {
  const graph = new GraphBuilder('language');
  let x = graph.input('ngram_freq', 'float32', ['batch', NGRAMS]);
  graph.output('probabilities', 'float32', ['batch', LANGUAGES]);
  const layers = await denseLayers();
  layers.forEach(({ weights, biases, units, inputs }, i) => {
    const w = graph.weight(`weights_${i}`, [units, inputs], weights);
    const y = graph.node('Gemm', [x, w, graph.weight(`biases_${i}`, [units], biases)], { attributes: { transB: 1 } });
    const isLast = i === layers.length - 1;
    x = isLast
      ? graph.node('Softmax', [y], { attributes: { axis: 1 }, outputs: ['probabilities'] })
      : graph.node('Relu', [y]);
  });
  return graph.build(13, 'Language of a text, converted from lande (MIT)');
}
