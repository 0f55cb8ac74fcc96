/**
 * How long an answer is of use, and before which others a request goes: request parameters, and headers that say the same.
 * Source: Triton Inference Server, "Schedule Policy Extension". Its levels are a model's own; here every model has three.
 */
import { PRIORITY_HEADER, TIMEOUT_HEADER } from '../answers.ts';
import { LeptonError } from '../errors.ts';
import type { Parameters } from './schema.ts';

/** The lower goes first. */
export type Priority = 1 | 2 | 3;
export const DEFAULT_PRIORITY: Priority = 2;

/** A longer time is no bound: it is more than any answer takes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** @param text the header as it came @returns milliseconds, more than 0 @throws LeptonError `invalid_request` */
export function timeoutOfHeader(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Math.min(Number(text), MAX_TIMEOUT_MS);
  throw refused(TIMEOUT_HEADER, 'a whole number of milliseconds from 1 on', text.slice(0, 40));
}

/** @param text the header as it came @throws LeptonError `invalid_request` */
export function priorityOfHeader(text: string | undefined): Priority | undefined {
  if (text === undefined) return undefined;
  return priorityOf(/^\d$/.test(text) ? Number(text) : text.slice(0, 40), PRIORITY_HEADER);
}

/** The parameter `timeout`, in microseconds; 0 is none. @returns milliseconds, more than 0 @throws LeptonError `invalid_request` */
export function timeoutOfParameters(parameters: Parameters | undefined): number | undefined {
  const value = parameters?.timeout;
  if (value === undefined || value === 0) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return Math.min(value / 1000, MAX_TIMEOUT_MS);
  throw refused('the parameter "timeout"', 'a whole number of microseconds, or 0 for none', value);
}

/** The parameter `priority`. @throws LeptonError `invalid_request` */
export function priorityOfParameters(parameters: Parameters | undefined): Priority | undefined {
  const value = parameters?.priority;
  return value === undefined ? undefined : priorityOf(value, 'the parameter "priority"');
}

function priorityOf(value: unknown, subject: string): Priority {
  if (value === 0) return DEFAULT_PRIORITY;
  if (value === 1 || value === 2 || value === 3) return value;
  throw refused(subject, '1 (high), 2 (normal), 3 (low), or 0 for the normal one', value);
}

function refused(subject: string, expected: string, got: unknown): LeptonError {
  return new LeptonError('invalid_request', `${subject}: expected ${expected}, got ${JSON.stringify(got)}`);
}
