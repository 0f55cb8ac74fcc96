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
import type { Inspection } from '../../onnx/inspect.ts';

type Stated = z.output<typeof ManifestInput>;

/** @throws LeptonError `model_invalid` or `digest_mismatch` where what is stated differs from what is there. */
export function manifestOf(stated: Stated, file: VersionFile, inspection: Inspection): Manifest {
  const files = stated.files ?? [file];
  const [only] = files;
  if (files.length !== 1 || !only) {
    throw new LeptonError('model_invalid', `manifest.files: this upload is one file, ${files.length} are stated`);
  }
  if (only.digest !== file.digest || only.sizeBytes !== file.sizeBytes) {
    throw new LeptonError(
      'digest_mismatch',
      `manifest.files: ${only.digest} of ${only.sizeBytes} bytes is stated, ${file.digest} of ${file.sizeBytes} bytes came`,
    );
  }
  const inputs = agree('inputs', stated.inputs, inspection.inputs);
  const outputs = agree('outputs', stated.outputs, inspection.outputs);
  checkNames(stated, inputs, outputs);
  return { ...stated, files: [only], inputs, outputs };
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
  check('tokenizer.inputs.ids', stated.tokenizer?.inputs.ids, inputs);
  check('tokenizer.inputs.mask', stated.tokenizer?.inputs.mask, inputs);
  check('tokenizer.inputs.types', stated.tokenizer?.inputs.types, inputs);
  check('embedding.output', stated.embedding?.output, outputs);
}
