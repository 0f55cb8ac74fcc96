/** A version: immutable files under a manifest, with the report of what its admission found. */
import { z } from 'zod';
import { Task } from './models.ts';
import { Digest } from './names.ts';
import { Datatype } from './tensor/datatype.ts';

/** A tensor of a model's signature; `-1` stands for a dynamic axis. */
export const TensorSpec = z.strictObject({
  name: z.string().min(1).max(256),
  datatype: Datatype,
  shape: z.array(z.number().int().min(-1)).max(16),
});
export type TensorSpec = z.infer<typeof TensorSpec>;

const FilePath = z
  .string()
  .max(255)
  .regex(
    /^(?!.*\.\.)(?!.*\/\.?(\/|$))[A-Za-z0-9_][A-Za-z0-9._/-]*$/,
    'expected a relative path of letters, digits, ".", "_", "-" and "/", without ".."',
  );

export const VersionFile = z.strictObject({
  path: FilePath,
  digest: Digest,
  sizeBytes: z.number().int().nonnegative(),
});
export type VersionFile = z.infer<typeof VersionFile>;

export const PlacementPolicy = z.enum(['auto', 'edge', 'node']);
export type PlacementPolicy = z.infer<typeof PlacementPolicy>;

/** How a text becomes the inputs of a model: a tokenizer.json among the files, and the names of the tensors it fills. */
export const TokenizerSpec = z.strictObject({
  path: FilePath,
  /** `ids` are the tokens; `mask` is 1 where there is one and 0 where there is padding; `types` is all 0. */
  inputs: z.strictObject({ ids: z.string(), mask: z.string().optional(), types: z.string().optional() }),
  /** Special tokens count. */
  maxTokens: z.number().int().positive().max(1_048_576),
  tooLong: z.enum(['truncate', 'refuse']),
});
export type TokenizerSpec = z.infer<typeof TokenizerSpec>;

/** Which output holds a text's embedding, and how it is made of the tokens' (`none`: it is one already). */
export const EmbeddingSpec = z.strictObject({
  output: z.string(),
  pooling: z.enum(['mean', 'cls', 'none']),
  /** To length 1. */
  normalize: z.boolean(),
  /** Whether the first few dimensions are an embedding, too. */
  dimensions: z.enum(['fixed', 'truncatable']),
});
export type EmbeddingSpec = z.infer<typeof EmbeddingSpec>;

/** What people should know of a model: plain text or Markdown. */
const Card = z.string().max(65_536);

const manifestFields = {
  task: Task.default('tensor'),
  labels: z.union([z.array(z.string().max(256)).max(100_000), z.strictObject({ path: FilePath })]).optional(),
  tokenizer: TokenizerSpec.optional(),
  embedding: EmbeddingSpec.optional(),
  preprocessing: z.record(z.string(), z.unknown()).optional(),
  batching: z
    .strictObject({
      maxBatchSize: z.number().int().min(1).max(4096),
      maxDelayMs: z.number().min(0).max(1000).default(0),
      axes: z.record(z.string(), z.number().int().min(0)).optional(),
      pad: z.record(z.string(), z.strictObject({ axis: z.number().int().min(0), value: z.number() })).optional(),
    })
    .optional(),
  placement: z
    .strictObject({ policy: PlacementPolicy.default('auto'), regions: z.array(z.string().max(64)).max(32).optional() })
    .default({ policy: 'auto' }),
  cache: z
    .strictObject({
      ttlSeconds: z.number().int().min(0).max(2_592_000).default(3600),
      scope: z.enum(['team', 'shared']).default('team'),
      /** For how long after `ttlSeconds` an answer may be given while a new one is made (RFC 5861); 0 where absent. */
      staleWhileRevalidateSeconds: z.number().int().min(0).max(2_592_000).optional(),
      /** For how long after `ttlSeconds` an answer may stand in where no new one can be made (RFC 5861); 0 where absent. */
      staleIfErrorSeconds: z.number().int().min(0).max(2_592_000).optional(),
    })
    .default({ ttlSeconds: 3600, scope: 'team' }),
  stateful: z.boolean().default(false),
  deterministic: z.boolean().optional(),
  retry: z.strictObject({ hedge: z.boolean() }).optional(),
  /** How to try the model where generated inputs do not do: sizes of its dynamic axes, and values of small inputs. */
  trial: z
    .strictObject({
      inputs: z.record(
        z.string(),
        z.strictObject({
          shape: z.array(z.number().int().min(0)).max(16),
          /** One number for all elements, or one for each; generated where absent. */
          values: z.union([z.number(), z.array(z.number()).max(4096)]).optional(),
        }),
      ),
    })
    .optional(),
  license: z.string().max(256).optional(),
  provenance: z.record(z.string(), z.unknown()).optional(),
};

/**
 * What an uploader may state. `inputs`, `outputs` and `files` are read from the upload itself; stated anyway, they must
 * agree with it. Unknown fields are refused.
 */
export const ManifestInput = z.strictObject({
  ...manifestFields,
  /** Read from the file; stated anyway, it must agree. */
  format: z.enum(['onnx', 'ort']).optional(),
  /** Text, or one of the files, whose text is taken. */
  card: z.union([Card, z.strictObject({ path: FilePath })]).optional(),
  files: z.array(VersionFile).optional(),
  inputs: z.array(TensorSpec).optional(),
  outputs: z.array(TensorSpec).optional(),
});
export type ManifestInput = z.input<typeof ManifestInput>;

/** The manifest of a stored version, complete. */
export const Manifest = z.strictObject({
  ...manifestFields,
  format: z.enum(['onnx', 'ort']),
  card: Card.optional(),
  files: z.array(VersionFile).min(1),
  inputs: z.array(TensorSpec),
  outputs: z.array(TensorSpec),
});
export type Manifest = z.infer<typeof Manifest>;

/** What static inspection read from an ONNX file. */
export const InspectionReport = z.object({
  irVersion: z.number().int(),
  /** Domain → version; the default domain is `ai.onnx`. */
  opsets: z.record(z.string(), z.number().int()),
  /** `domain::Operator` (the default domain without prefix) → number of nodes, subgraphs included. */
  operators: z.record(z.string(), z.number().int()),
  parameterCount: z.number().int(),
  sizeBytes: z.number().int(),
  producer: z.string().optional(),
});
export type InspectionReport = z.infer<typeof InspectionReport>;

/**
 * What one more engine of a node made of what was run on its CPU. `ran`: as the CPU, within a thousandth (and 0.0001), or of a
 * model that does not repeat itself. `differs`: it answers otherwise. `refused`: the engine does not take the model, or not such
 * inputs. `failed`: it crashed there or did not end. Nodes do not run a version on an engine where it differs or failed.
 */
export const EngineTrial = z.object({
  engine: z.string(),
  device: z.string(),
  outcome: z.enum(['ran', 'differs', 'refused', 'failed']),
  /** Of `refused` and `failed`, and of `differs` where the forms of the answers do. */
  reason: z.string().optional(),
  loadMs: z.number().optional(),
  /** One run at batch 1. */
  runMs: z.number().optional(),
  /** The largest of any number of the answer from the CPU's. */
  maxDifference: z.number().optional(),
});
export type EngineTrial = z.infer<typeof EngineTrial>;

/** What running a model on generated inputs showed, at one placement. */
export const TrialReport = z.object({
  /** `edge`, or the node's name. */
  where: z.string(),
  engine: z.string(),
  loadMs: z.number(),
  /** One run at batch 1, the median. */
  runMs: z.number(),
  /** Heap that ONNX Runtime takes for the loaded model and a run of it; at the edge only. */
  wasmBytes: z.number().int().optional(),
  /** What one item costs in a batch of 1, 4 and 8; only those that ran. */
  perItemMs: z.record(z.string(), z.number()),
  /** Whether a batch answers each item as a run of its own does; absent where there is no batch axis. */
  batchInvariant: z.boolean().optional(),
  /** Whether two runs on the same inputs agreed to the bit. */
  deterministic: z.boolean(),
  /** The shapes that were tried at batch 1, by input. */
  shapes: z.record(z.string(), z.array(z.number().int())),
  /** Of a node that has other engines than its CPU. */
  engines: z.array(EngineTrial).max(16).optional(),
});
export type TrialReport = z.infer<typeof TrialReport>;

/**
 * Why a trial gave no measures: the engine cannot load the model (`load`), the model refused all inputs that were generated
 * (`inputs`), it needs more memory than there is (`memory`), or its run had to be stopped or brought the engine down (`stopped`).
 */
export const TrialFailure = z.object({ kind: z.enum(['load', 'inputs', 'memory', 'stopped']), message: z.string() });
export type TrialFailure = z.infer<typeof TrialFailure>;

/** At most so many multiply-adds of a run for inputs of so many elements together, by growing size. */
export const CostGrowth = z.array(z.object({ elements: z.number().int(), multiplyAdds: z.number() }));
export type CostGrowth = z.infer<typeof CostGrowth>;

/** What admission found: the report of a version, for everyone who may read it. */
export const Admission = z.object({
  /** Absent for `.ort` files, which inspection cannot read. */
  inspection: InspectionReport.optional(),
  /** Whether the model may run in the Worker's WASM runtime, and why not. */
  edgeEligible: z.boolean(),
  edgeReason: z.string().optional(),
  /** Multiply-adds of one run at most, as far as the file tells, and the input shapes that holds for. */
  multiplyAdds: z.number().optional(),
  multiplyAddsAt: z.record(z.string(), z.array(z.number().int())).optional(),
  /** The same for larger inputs, in whichever of their dynamic axes; absent where the file does not tell. */
  multiplyAddsBeyond: CostGrowth.optional(),
  edge: TrialReport.optional(),
  edgeFailure: TrialFailure.optional(),
  node: TrialReport.optional(),
  nodeFailure: TrialFailure.optional(),
  /** What the measures say of batching; holds where the manifest says nothing. */
  batching: z.object({ maxBatchSize: z.number().int() }).optional(),
  /** What could not be told, and what would help. */
  notes: z.array(z.string()).default([]),
});
export type Admission = z.infer<typeof Admission>;

export const VersionState = z.enum(['admitting', 'ready', 'rejected', 'archived']);
export type VersionState = z.infer<typeof VersionState>;

export const Version = z.object({
  model: z.string(),
  version: z.number().int(),
  state: VersionState,
  reason: z.string().optional(),
  digest: Digest,
  sizeBytes: z.number().int(),
  manifest: Manifest,
  admission: Admission.optional(),
  createdAt: z.string(),
  createdBy: z.string(),
});
export type Version = z.infer<typeof Version>;

/** A version made of uploaded files; the model's own file is the one `.onnx` or `.ort` among them, or `model.onnx`. */
export const CreateVersionInput = z.strictObject({
  files: z
    .array(z.strictObject({ path: FilePath, digest: Digest }))
    .min(1)
    .max(1024)
    .refine((files) => new Set(files.map(({ path }) => path)).size === files.length, 'names a path twice'),
  manifest: ManifestInput.prefault({}),
});
export type CreateVersionInput = z.input<typeof CreateVersionInput>;

/** An archived version runs no more; its record and its files stay. */
export const ArchiveVersionInput = z.strictObject({ reason: z.string().min(1).max(500) });
export type ArchiveVersionInput = z.input<typeof ArchiveVersionInput>;
