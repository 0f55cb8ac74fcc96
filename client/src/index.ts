/** The TypeScript client of a Lepton Edge gateway. */
export type { HistoryOptions } from './aliases.ts';
export type { BlobOptions } from './blobs.ts';
export * from './client.ts';
export * from './errors.ts';
export type { InferJsonOptions, InferOptions, InferResult, TensorInput } from './infer.ts';
export type { PageOptions } from './pages.ts';
export type { AuditOptions, KeyOptions } from './tenancy.ts';
export type { Call, ClientOptions, PostOptions, RequestOptions } from './transport.ts';
export {
  type FileSource,
  sourceOf,
  type UploadedFile,
  type UploadFileOptions,
  type UploadProgress,
  uploadFile,
} from './upload-file.ts';
export type { WaitOptions } from './versions.ts';
