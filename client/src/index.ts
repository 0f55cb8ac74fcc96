/** The TypeScript client of a Lepton Edge gateway. */
export * from './client.ts';
export * from './errors.ts';
export type { InferOptions, InferResult, TensorInput } from './infer.ts';
