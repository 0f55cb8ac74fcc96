/** What the files of a version are, as far as reading them tells: the complete manifest and the first half of the report. */
import {
  type Admission,
  LeptonError,
  type Manifest,
  type ManifestInput,
  trialShapes,
  type VersionFile,
} from '@lepton-edge/protocol';
import { checkTextModel } from '@lepton-edge/text';
import type { z } from 'zod';
import { rangesOf } from '../../artifacts/store.ts';
import { boundCostOf } from '../../onnx/cost/bound-cost.ts';
import { costGrowth } from '../../onnx/cost/growth.ts';
import { type Inspection, inspectModel } from '../../onnx/inspect.ts';
import type { Model } from '../../onnx/model.ts';
import { readModel } from '../../onnx/read-model.ts';
import { edgeExcluded } from '../admission/settle.ts';
import { checkCompanions, readCard } from './companions.ts';
import { manifestOf } from './manifest-of.ts';

/** A file of the version to be, and where its bytes are. */
export interface NamedFile extends VersionFile {
  key: string;
}

/** What reading showed, before anything was run. */
export interface StaticFindings {
  manifest: Manifest;
  report: Pick<Admission, 'inspection' | 'multiplyAdds' | 'multiplyAddsAt' | 'multiplyAddsBeyond' | 'notes'>;
  /** What makes a run's cost unbounded by the file; undefined for none. */
  controlFlow: 'none' | 'branches' | 'loops' | 'unknown';
}

/** An ORT file is a FlatBuffer with this identifier behind its first offset (ONNX Runtime, `ort.fbs`). */
const ORT_IDENTIFIER = 'ORTM';
const NO_SIGNATURE: Inspection['inputs'] = [];

/**
 * @throws LeptonError `model_invalid` saying what is wrong with which file, `digest_mismatch`
 */
export async function staticCheck(
  blobs: R2Bucket,
  given: z.output<typeof ManifestInput>,
  files: readonly NamedFile[],
): Promise<StaticFindings> {
  const main = mainFile(files);
  const source = rangesOf(blobs, main);
  const isOrt = (await identifierOf(source)) === ORT_IDENTIFIER;
  checkFormat(given.format, main, isOrt);
  await checkCompanions(blobs, given, files);
  const stated = { ...given, card: await readCard(blobs, given, files) };
  if (isOrt) {
    const signature = { inputs: stated.inputs ?? NO_SIGNATURE, outputs: stated.outputs ?? NO_SIGNATURE };
    const manifest = manifestOf({ ...stated, format: 'ort' }, ordered(main, files), signature);
    checkTextModel(manifest);
    return {
      manifest,
      report: { notes: ['an .ort file does not tell its operators, opsets and parameters: only a trial run does'] },
      controlFlow: 'unknown',
    };
  }
  const model = await readModel(source);
  const inspection = inspectModel(model, main.sizeBytes);
  checkExternalData(main, files, inspection);
  const manifest = manifestOf({ ...stated, format: 'onnx' }, ordered(main, files), inspection);
  checkTextModel(manifest);
  return {
    manifest,
    report: { inspection: inspection.report, ...costOf(model, manifest) },
    controlFlow: inspection.loops ? 'loops' : inspection.controlFlow ? 'branches' : 'none',
  };
}

/** What a run takes on the likeliest generated inputs for which the file tells. */
function costOf(model: Model, manifest: Manifest): Omit<StaticFindings['report'], 'inspection'> {
  let because = 'its inputs are too large to be generated';
  for (const shapes of trialShapes(manifest)) {
    const cost = boundCostOf(model, shapes);
    if (cost.known) {
      const { multiplyAdds } = cost;
      // What never runs at the edge is interrupted where it does.
      const beyond = edgeExcluded(manifest) === undefined ? costGrowth(model, manifest.inputs, shapes) : [];
      const multiplyAddsBeyond = beyond.length > 0 ? { multiplyAddsBeyond: beyond } : {};
      return { multiplyAdds, multiplyAddsAt: shapes, ...multiplyAddsBeyond, notes: [] };
    }
    because = cost.because;
  }
  return { notes: [`the file does not tell the cost of a run: ${because}`] };
}

/** The model's own file: `model.onnx`, or the only `.onnx` or `.ort`, or the only file. */
function mainFile(files: readonly NamedFile[]): NamedFile {
  const models = files.filter(({ path }) => /\.(onnx|ort)$/i.test(path));
  const named = models.find(({ path }) => path === 'model.onnx' || path === 'model.ort');
  const main = named ?? (models.length === 1 ? models[0] : files.length === 1 ? files[0] : undefined);
  if (main) return main;
  const found = models.length === 0 ? 'none' : models.map(({ path }) => path).join(', ');
  throw new LeptonError(
    'model_invalid',
    `expected one file whose name ends in .onnx or .ort, or one of them named model.onnx; got ${found}`,
  );
}

/** The model's file is the first of a manifest. */
function ordered(main: NamedFile, files: readonly NamedFile[]): VersionFile[] {
  return [main, ...files.filter((file) => file !== main)].map(({ path, digest, sizeBytes }) => ({
    path,
    digest,
    sizeBytes,
  }));
}

async function identifierOf(source: ReturnType<typeof rangesOf>): Promise<string> {
  if (source.sizeBytes < 8) return '';
  return String.fromCharCode(...(await source.read(4, 4)));
}

function checkFormat(stated: 'onnx' | 'ort' | undefined, main: NamedFile, isOrt: boolean): void {
  const found = isOrt ? 'ort' : 'onnx';
  if (stated === undefined || stated === found) return;
  const what = isOrt ? 'is an ORT file' : 'does not begin as an ORT file does';
  throw new LeptonError('model_invalid', `manifest.format: "${stated}" is stated, but ${main.path} ${what}`);
}

function checkExternalData(main: NamedFile, files: readonly NamedFile[], { externalData }: Inspection): void {
  const folder = main.path.slice(0, main.path.lastIndexOf('/') + 1);
  const missing = externalData.filter(({ path }) => !files.some((file) => file.path === folder + path));
  if (missing.length > 0) {
    const names = missing.map(({ path }) => folder + path).join(', ');
    throw new LeptonError(
      'model_invalid',
      `the weights of ${main.path} are in other files, and of these ${names} did not come: upload them too, under these paths`,
    );
  }
  for (const { path, minSizeBytes } of externalData) {
    const file = files.find((candidate) => candidate.path === folder + path);
    if (!file || file.sizeBytes >= minSizeBytes) continue;
    throw new LeptonError(
      'model_invalid',
      `${file.path} has ${file.sizeBytes} bytes, and ${main.path} keeps weights in its first ${minSizeBytes}: it is cut off, or another file`,
    );
  }
}
