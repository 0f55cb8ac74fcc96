/** The JSON bodies of the Open Inference Protocol v2, before tensor data is decoded. */
import { z } from 'zod';
import { Datatype } from '../tensor/datatype.ts';

export const Parameters = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean()], { error: 'expected a string, a number, true or false' }),
);
export type Parameters = z.infer<typeof Parameters>;

const Name = z.string().min(1).max(256);
const Shape = z.array(z.number().int()).max(64);

export const RequestInput = z.object({
  name: Name,
  datatype: Datatype,
  shape: Shape,
  parameters: Parameters.optional(),
  data: z.unknown().optional(),
});
export type RequestInput = z.infer<typeof RequestInput>;

export const RequestedOutput = z.object({ name: Name, parameters: Parameters.optional() });
export type RequestedOutput = z.infer<typeof RequestedOutput>;

export const InferRequestBody = z.object({
  id: z.string().max(256).optional(),
  parameters: Parameters.optional(),
  inputs: z.array(RequestInput).max(256),
  outputs: z.array(RequestedOutput).max(256).optional(),
});
export type InferRequestBody = z.infer<typeof InferRequestBody>;

export const ResponseOutput = z.object({
  name: z.string(),
  datatype: Datatype,
  shape: Shape,
  parameters: Parameters.optional(),
  data: z.unknown().optional(),
});

export const InferResponseBody = z.object({
  model_name: z.string(),
  model_version: z.string().optional(),
  id: z.string().optional(),
  parameters: Parameters.optional(),
  outputs: z.array(ResponseOutput),
});
export type InferResponseBody = z.infer<typeof InferResponseBody>;

const TensorMetadata = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number().int()) });

/** `GET /v2` */
export const ServerMetadata = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });
export type ServerMetadata = z.infer<typeof ServerMetadata>;

/** `GET /v2/models/{ref}` */
export const ModelMetadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(TensorMetadata),
  outputs: z.array(TensorMetadata),
});
export type ModelMetadata = z.infer<typeof ModelMetadata>;

/** `GET /v2/models/{ref}/ready` */
export const ModelReady = z.object({ name: z.string(), version: z.string(), ready: z.literal(true) });

/** What every refused or failed call of `/v2` answers. */
export const InferenceFailure = z.object({ error: z.string(), code: z.string() });
