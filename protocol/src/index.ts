/** What crosses a wire, shared by every part of Lepton Edge. */
export * from './aliases.ts';
export * from './answers.ts';
export * from './errors.ts';
export * from './keys.ts';
export * from './models.ts';
export * from './names.ts';
export * from './nodes.ts';
export * from './oip/binary.ts';
export * from './oip/json.ts';
export * from './oip/schema.ts';
export * from './pages.ts';
export * from './problem.ts';
export * from './tensor/datatype.ts';
export * from './tensor/signature.ts';
export * from './tensor/tensor.ts';
export * from './versions.ts';
