/** How a model is refused: one sentence, with names from the file quoted and cut to a length that can be read. */
import { LeptonError } from '@lepton-edge/protocol';

const MAX_QUOTED_LENGTH = 80;

/** @throws LeptonError `model_invalid`, always. */
export function refuse(sentence: string): never {
  throw new LeptonError('model_invalid', sentence);
}

/** A string of the file as it may stand in a sentence: in quotes, control characters escaped, not endless. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text);
}
