/** What the checks of a tokenizer.json have in common. */
import { LeptonError } from '@lepton-edge/protocol';

export type Fields = Record<string, unknown>;

const MAX_CONTENT = 256;

/** @throws LeptonError `model_invalid` with the sentence */
export function fieldsOf(value: unknown, sentence: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  return refuse(sentence);
}

export function checkContent(value: unknown, where: string): string {
  if (typeof value === 'string' && value.length <= MAX_CONTENT) return value;
  return refuse(`${where}: expected a string of at most ${MAX_CONTENT} characters`);
}

export function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

export function quote(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}

export function refuse(sentence: string): never {
  throw new LeptonError('model_invalid', sentence);
}
