/** From a file to what the inspection keeps of the model in it, or the sentence that says why there is none. */
import { LeptonError } from '@lepton-edge/protocol';
import { Collector } from './collect.ts';
import type { Model } from './model.ts';
import type { RangeSource } from './reader.ts';
import { describeBytes, RECOGNISED_BYTES } from './recognise.ts';
import { refuse } from './refuse.ts';
import { Walk } from './walk.ts';

/** Protobuf's limit; larger models keep their weights in files beside. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
const IR_VERSION_FIELD = 1;
const GRAPH_FIELD = 7;
const EXPECTED =
  'expected an ONNX model: a protobuf with ir_version, opset_import and graph, as torch.onnx.export writes it';

/**
 * Reads the model: whatever protobuf can get wrong is checked, what the model says is not.
 * @throws LeptonError `model_invalid`; errors of the source pass through
 */
export async function readModel(file: RangeSource): Promise<Model> {
  if (file.sizeBytes > MAX_FILE_BYTES) {
    refuse(
      `the file is ${file.sizeBytes} bytes, an ONNX file is at most ${MAX_FILE_BYTES}: keep the weights as external data`,
    );
  }
  if (file.sizeBytes === 0) refuse(`the file is empty, ${EXPECTED}`);
  const collector = new Collector();
  const walk = new Walk(file, collector);
  let rest: Uint8Array;
  try {
    rest = await walk.run();
  } catch (error) {
    const refused = error instanceof LeptonError && error.code === 'model_invalid';
    if (!refused || walk.seen.has(IR_VERSION_FIELD)) throw error;
    return refuseForeign(file);
  }
  if (!walk.seen.has(IR_VERSION_FIELD) && !walk.seen.has(GRAPH_FIELD)) return refuseForeign(file);
  if (!walk.seen.has(GRAPH_FIELD)) refuse(`the model has no graph: the file is cut off or no model; ${EXPECTED}`);
  return collector.result(rest);
}

async function refuseForeign(file: RangeSource): Promise<never> {
  const head = await file.read(0, Math.min(file.sizeBytes, RECOGNISED_BYTES));
  return refuse(`this is not an ONNX file but ${describeBytes(head)}; ${EXPECTED}`);
}
