/** Checks that what a manifest says of texts fits the model's own inputs and outputs. */
import { LeptonError, type Manifest, shapeText, type TensorSpec } from '@lepton-edge/protocol';

const DYNAMIC = -1;

type TextManifest = Pick<Manifest, 'task' | 'format' | 'inputs' | 'outputs'> & {
  tokenizer?: Manifest['tokenizer'];
  embedding?: Manifest['embedding'];
};

/**
 * Whether texts can be embedded with a version: one of the task `embedding`, or with a section embedding. Any other may have a tokenizer
 * for its clients. Of an `.ort` file without a stated signature nothing more is known.
 * @throws LeptonError `model_invalid` saying what the manifest or the model lacks
 */
export function checkTextModel(manifest: TextManifest): void {
  const { task, tokenizer, embedding, inputs, outputs } = manifest;
  if (task !== 'embedding' && !embedding) return;
  if (!tokenizer)
    refuse('tokenizer: an embedding of texts needs a tokenizer.json among the files, and the inputs it fills');
  if (!embedding) refuse('embedding: task "embedding" needs an output, its pooling, normalize and dimensions');
  const isKnown = inputs.length > 0 || outputs.length > 0;
  if (!isKnown && manifest.format === 'ort') return;
  checkInputs(Object.entries(tokenizer.inputs), inputs);
  checkOutput(embedding, outputs);
}

function checkInputs(fills: [role: string, name: string | undefined][], inputs: readonly TensorSpec[]): void {
  const filled = new Set<string>();
  for (const [role, name] of fills) {
    if (name === undefined) continue;
    const where = `tokenizer.inputs.${role}`;
    if (filled.has(name)) refuse(`${where}: ${JSON.stringify(name)} is named twice`);
    filled.add(name);
    const { datatype, shape } = find(where, name, 'input', inputs);
    if ((datatype === 'INT64' || datatype === 'INT32') && shape.length === 2 && shape.every((size) => size === DYNAMIC))
      continue;
    refuse(
      `${where}: expected "${name}" as INT64 or INT32 [-1,-1] (texts, tokens), the model has ${datatype} ${shapeText(shape)}`,
    );
  }
  const others = inputs.filter(({ name }) => !filled.has(name)).map(({ name }) => JSON.stringify(name));
  if (others.length > 0)
    refuse(`tokenizer.inputs: nothing fills the model's ${others.join(', ')}: expected ids, mask and types only`);
}

function checkOutput({ output, pooling }: NonNullable<Manifest['embedding']>, outputs: readonly TensorSpec[]): void {
  const { datatype, shape } = find('embedding.output', output, 'output', outputs);
  if (datatype !== 'FP32' && datatype !== 'FP16')
    refuse(`embedding.output: expected "${output}" as FP32 or FP16, the model has ${datatype}`);
  const expected = pooling === 'none' ? '[texts, size]' : '[texts, tokens, size]';
  if (shape.length === (pooling === 'none' ? 2 : 3)) return;
  refuse(`embedding.pooling: "${pooling}" expects ${expected} in "${output}", the model has ${shapeText(shape)}`);
}

function find(where: string, name: string, what: string, specs: readonly TensorSpec[]): TensorSpec {
  const found = specs.find((spec) => spec.name === name);
  if (found) return found;
  const names = specs.map((spec) => JSON.stringify(spec.name)).join(', ');
  return refuse(`${where}: the model has no ${what} ${JSON.stringify(name)}: expected one of ${names}`);
}

function refuse(sentence: string): never {
  throw new LeptonError('model_invalid', `manifest.${sentence}`);
}
