/** The complete manifest of an upload: what its uploader states, completed and checked by what the file says itself. */
import {
  LeptonError,
  type Manifest,
  type ManifestInput,
  shapeText,
  type TensorSpec,
  type VersionFile,
} from '@lepton-edge/protocol';
import type { z } from 'zod';

/** What an uploader states, with the card's text. */
type Stated = Omit<z.output<typeof ManifestInput>, 'card'> & { card?: string | undefined };

/**
 * @param files what came, the model's own file first
 * @param found the signature that the file has
 * @throws LeptonError `model_invalid` or `digest_mismatch` where what is stated differs from what is there.
 */
export function manifestOf(
  stated: Stated,
  files: VersionFile[],
  found: { inputs: TensorSpec[]; outputs: TensorSpec[] },
): Manifest {
  if (stated.files) checkFiles(stated.files, files);
  const inputs = agree('inputs', stated.inputs, found.inputs);
  const outputs = agree('outputs', stated.outputs, found.outputs);
  const isKnown = inputs.length > 0 || outputs.length > 0;
  if (isKnown) checkNames(stated, inputs, outputs);
  return { ...stated, format: stated.format ?? 'onnx', files, inputs, outputs };
}

function checkFiles(stated: readonly VersionFile[], files: readonly VersionFile[]): void {
  const single = stated.length === 1 && files.length === 1;
  for (const claim of stated) {
    // One body has no name of its own: the manifest may call it what it likes.
    const file = single ? files[0] : files.find(({ path }) => path === claim.path);
    if (!file) {
      throw new LeptonError('model_invalid', `manifest.files: "${claim.path}" is stated and did not come`);
    }
    if (claim.digest === file.digest && claim.sizeBytes === file.sizeBytes) continue;
    throw new LeptonError(
      'digest_mismatch',
      `manifest.files: ${claim.digest} of ${claim.sizeBytes} bytes is stated, ${file.digest} of ${file.sizeBytes} bytes came`,
    );
  }
  if (stated.length === files.length) return;
  throw new LeptonError('model_invalid', `manifest.files: ${stated.length} are stated, ${files.length} came`);
}

/** The stated signature may pin a dynamic axis, and must otherwise be that of the file. */
function agree(field: 'inputs' | 'outputs', stated: TensorSpec[] | undefined, found: TensorSpec[]): TensorSpec[] {
  if (!stated) return found;
  const names = (specs: TensorSpec[]) => specs.map((spec) => JSON.stringify(spec.name)).join(', ');
  if (stated.length !== found.length || stated.some((spec) => !found.some(({ name }) => name === spec.name))) {
    throw new LeptonError(
      'model_invalid',
      `manifest.${field}: ${names(stated)} is stated, the file has ${names(found)}`,
    );
  }
  return found.map((spec) => {
    const claim = stated.find(({ name }) => name === spec.name) ?? spec;
    const fits =
      claim.datatype === spec.datatype &&
      claim.shape.length === spec.shape.length &&
      spec.shape.every((size, axis) => size === -1 || size === claim.shape[axis]);
    if (fits) return claim;
    const text = ({ datatype, shape }: TensorSpec) => `${datatype} ${shapeText(shape)}`;
    throw new LeptonError(
      'model_invalid',
      `manifest.${field}: "${spec.name}" is stated as ${text(claim)}, the file has ${text(spec)}`,
    );
  });
}

/** Names that other parts of the manifest refer to must be those of the model. */
function checkNames(stated: Stated, inputs: TensorSpec[], outputs: TensorSpec[]): void {
  const check = (where: string, name: string | undefined, specs: TensorSpec[]) => {
    if (name === undefined || specs.some((spec) => spec.name === name)) return;
    const known = specs.map((spec) => JSON.stringify(spec.name)).join(', ');
    throw new LeptonError('model_invalid', `manifest.${where}: ${JSON.stringify(name)} is not one of ${known}`);
  };
  for (const name of Object.keys(stated.trial?.inputs ?? {})) check('trial.inputs', name, inputs);
  check('tokenizer.inputs.ids', stated.tokenizer?.inputs.ids, inputs);
  check('tokenizer.inputs.mask', stated.tokenizer?.inputs.mask, inputs);
  check('tokenizer.inputs.types', stated.tokenizer?.inputs.types, inputs);
  check('embedding.output', stated.embedding?.output, outputs);
}
