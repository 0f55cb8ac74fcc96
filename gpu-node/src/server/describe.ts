/** The Open Inference Protocol's questions about the server and its models. */
import { LeptonError, type ModelMetadata, type ServerMetadata } from '@lepton-edge/protocol';
import type { Models } from '../models/lifecycle.ts';
import { SOFTWARE_VERSION } from '../software-version.ts';
import { json, type Reply } from './reply.ts';

export function serverMetadata(): Reply {
  const metadata: ServerMetadata = {
    name: 'lepton-gpu-node',
    version: SOFTWARE_VERSION,
    extensions: ['binary_tensor_data'],
  };
  return json(200, metadata);
}

/** @throws LeptonError `version_not_found` unless it is loaded: what this node could fetch is the gateway's to tell */
export function modelMetadata(models: Models, model: string, version: number): Reply {
  const { inputs, outputs } = findLoaded(models, model, version).manifest;
  const metadata: ModelMetadata = {
    name: model,
    versions: [String(version)],
    platform: 'onnxruntime_onnx',
    inputs,
    outputs,
  };
  return json(200, metadata);
}

/** @throws LeptonError `version_not_found` */
export function modelReady(models: Models, model: string, version: number): Reply {
  findLoaded(models, model, version);
  return json(200, { name: model, ready: true });
}

function findLoaded(models: Models, model: string, version: number) {
  const found = models.find(model, version);
  if (found) return found;
  throw new LeptonError(
    'version_not_found',
    `${model}@${version} is not loaded on this node: an inference delegated by its gateway loads it`,
  );
}
