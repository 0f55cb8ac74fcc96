/** What the node and the thread of a tokenizer say to each other. */
import type { EmbeddingInput, ErrorCode, TokenizerSpec } from '@lepton-edge/protocol';

/** Handed to the thread at its start. */
export interface TokenizerInput {
  /** `name@3`, for messages. */
  label: string;
  path: string;
  /** What the file must be. */
  digest: string;
  spec: TokenizerSpec;
}

export interface ToTokenizer {
  id: number;
  inputs: readonly EmbeddingInput[];
}

export type FromTokenizer =
  | { kind: 'ready'; padId: number }
  /** The file cannot be used; the thread ends. */
  | { kind: 'failed'; message: string }
  | { kind: 'tokens'; id: number; items: number[][] }
  | { kind: 'refused'; id: number; code: ErrorCode; message: string };
