/**
 * Triton's extensions of the Open Inference Protocol that clients use: the repository's index, a model's configuration, and
 * its statistics. Source: Triton's "Model Repository", "Model Configuration" and "Statistics" extensions.
 */
import { z } from 'zod';
import type { Datatype } from '../tensor/datatype.ts';
import type { Manifest, TensorSpec } from '../versions.ts';
import { Parameters } from './schema.ts';

/** `POST /v2/repository/index` */
export const RepositoryIndexRequest = z.object({
  /** Only what is ready. */
  ready: z.boolean().optional(),
});

export const RepositoryIndexEntry = z.object({
  name: z.string(),
  /** Empty where a model has no version that could be named. */
  version: z.string(),
  state: z.enum(['READY', 'LOADING', 'UNAVAILABLE']),
  /** Why it is not ready; empty when it is. */
  reason: z.string(),
});
export type RepositoryIndexEntry = z.infer<typeof RepositoryIndexEntry>;

export const RepositoryIndex = z.array(RepositoryIndexEntry);
export type RepositoryIndex = z.infer<typeof RepositoryIndex>;

/** `POST /v2/repository/models/{name}/load` and `…/unload` */
export const RepositoryControlRequest = z.object({ parameters: Parameters.optional() });

const ConfigTensor = z.object({ name: z.string(), data_type: z.string(), dims: z.array(z.number().int()) });

/** `GET /v2/models/{ref}/config` */
export const ModelConfig = z.object({
  name: z.string(),
  platform: z.string(),
  backend: z.string(),
  version_policy: z.object({ all: z.object({}) }),
  /** 0: the shapes say everything; otherwise a batch axis stands before those of `dims`. */
  max_batch_size: z.number().int(),
  input: z.array(ConfigTensor),
  output: z.array(ConfigTensor),
});
export type ModelConfig = z.infer<typeof ModelConfig>;

const StatisticDuration = z.object({ count: z.number().int(), ns: z.number().int() });

/** Of one version since the server started. */
export const VersionStatistics = z.object({
  name: z.string(),
  version: z.string(),
  /** Milliseconds since 1970; 0 before the first. */
  last_inference: z.number().int(),
  inference_count: z.number().int(),
  execution_count: z.number().int(),
  inference_stats: z.object({
    success: StatisticDuration,
    fail: StatisticDuration,
    queue: StatisticDuration,
    compute_input: StatisticDuration,
    compute_infer: StatisticDuration,
    compute_output: StatisticDuration,
    cache_hit: StatisticDuration,
    cache_miss: StatisticDuration,
  }),
  /** By the number of items that a run had. */
  batch_stats: z.array(
    z.object({
      batch_size: z.number().int(),
      compute_input: StatisticDuration,
      compute_infer: StatisticDuration,
      compute_output: StatisticDuration,
    }),
  ),
});
export type VersionStatistics = z.infer<typeof VersionStatistics>;

/** `GET /v2/models/{ref}/stats` and `GET /v2/models/stats` */
export const ModelStatistics = z.object({ model_stats: z.array(VersionStatistics) });
export type ModelStatistics = z.infer<typeof ModelStatistics>;

/** A datatype as Triton's model configuration names it. */
export function configDatatype(datatype: Datatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

/**
 * A version as Triton would configure it. A batch size is told only where the first axis of every tensor is free, and the
 * manifest states that batches are welcome.
 */
export function modelConfig(
  name: string,
  { inputs, outputs, batching }: Pick<Manifest, 'inputs' | 'outputs' | 'batching'>,
): ModelConfig {
  const stated = batching && !batching.axes ? batching.maxBatchSize : 0;
  const batched = stated > 1 && [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
  const tensor = ({ name: tensorName, datatype, shape }: TensorSpec) => ({
    name: tensorName,
    data_type: configDatatype(datatype),
    dims: batched ? shape.slice(1) : shape,
  });
  return {
    name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    version_policy: { all: {} },
    max_batch_size: batched ? stated : 0,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
  };
}
