/** Texts in, embeddings out: tokenising, batching and pooling for whatever runs a text model. */
export { checkTextModel } from './check-text-model.ts';
export { type EmbedOptions, embed } from './embed.ts';
export { MAX_TOKENIZER_BYTES } from './file/read.ts';
export { type BatchLimits, planBatches } from './plan-batches.ts';
export { cutTo, pool } from './pool.ts';
export { TOKEN_BUDGET, textSpecOf, tokensOf } from './text-spec.ts';
export { type LoadOptions, loadTokenizer, type TextTokenizer } from './text-tokenizer.ts';
export { toTensors } from './to-tensors.ts';
