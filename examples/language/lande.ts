/** What the npm package lande holds: its n-grams, its languages, its weights, and how it counts n-grams in a text. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { packagePath } from '../package-file.ts';

/** Languages by their ISO 639-3 codes. */
type Languages = string[];
interface Ngrams {
  unigrams: string[];
  bigrams: string[];
  trigrams: string[];
  quadgrams: string[];
}
interface Counting {
  getNormalized(text: string): string;
  getNgrams(text: string, length: number): Record<string, { frequency: number } | undefined>;
}
interface Layer {
  /** Only dense layers have them; one a unit. */
  filters?: { w: Float32Array<ArrayBuffer> }[];
  biases?: { w: Float32Array<ArrayBuffer> };
}
interface Network {
  layers: Layer[];
}

export interface DenseLayer {
  /** Row-major [units, inputs]. */
  weights: Float32Array<ArrayBuffer>;
  biases: Float32Array<ArrayBuffer>;
  units: number;
  inputs: number;
}

const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(packagePath('lande', file)).href)) as T;

export async function languages(): Promise<Languages> {
  return (await load<{ default: Languages }>('standalone/t50-langs.js')).default;
}

/** The network's dense layers, first to last. */
export async function denseLayers(): Promise<DenseLayer[]> {
  const options = (await load<{ default: object }>('standalone/t50-options.js')).default;
  const toygrad = createRequire(packagePath('lande', 'package.json')).resolve('toygrad');
  const { NeuralNetwork } = (await import(pathToFileURL(toygrad).href)) as {
    NeuralNetwork: new (options: object) => Network;
  };
  return new NeuralNetwork(options).layers.flatMap(({ filters, biases }) => {
    const inputs = filters?.[0]?.w.length;
    if (!filters || !biases || inputs === undefined) return [];
    const weights = new Float32Array(filters.length * inputs);
    for (const [unit, filter] of filters.entries()) weights.set(filter.w, unit * inputs);
    return [{ weights, biases: Float32Array.from(biases.w), units: filters.length, inputs }];
  });
}

/** How often each of the network's 620 n-grams stands in a text: FP32 [620]. */
export async function ngramFrequencies(text: string): Promise<Float32Array<ArrayBuffer>> {
  const { getNormalized, getNgrams } = await load<Counting>('standalone/utils.js');
  const known = (await load<{ default: Ngrams }>('standalone/t50-ngrams.js')).default;
  const normalized = getNormalized(text);
  const groups = [known.unigrams, known.bigrams, known.trigrams, known.quadgrams];
  const frequencies = groups.flatMap((group, i) => {
    const counts = getNgrams(normalized, i + 1);
    return group.map((ngram) => counts[ngram]?.frequency ?? 0);
  });
  return Float32Array.from(frequencies);
}
