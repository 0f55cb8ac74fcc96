/** Where a tensor keeps its values when that is another file: a path that cannot lead out of the version's own files. */
import type { onnx } from 'onnx-proto';
import { quote, refuse } from './refuse.ts';

/** The grammar of a version's files; it leaves out absolute paths, drives, URLs, backslashes and the runtime's own markers. */
const RELATIVE_PATH = /^[A-Za-z0-9_][A-Za-z0-9._/-]{0,254}$/;
const DIGITS = /^[0-9]{1,15}$/;

/** A file beside the model, and the least size that holds what its tensors keep there. */
export interface ExternalFile {
  path: string;
  minSizeBytes: number;
}

/**
 * Where a tensor's external data is.
 * @throws LeptonError `model_invalid` naming the tensor when it is none, or when offset or length are no numbers
 */
export function locationOf(tensorName: string, externalData: readonly onnx.IStringStringEntryProto[]): ExternalFile {
  const entries = new Map(externalData.map(({ key, value }) => [key ?? '', value ?? '']));
  const location = entries.get('location') ?? '';
  const name = quote(tensorName);
  if (
    !RELATIVE_PATH.test(location) ||
    location.split('/').some((part) => part === '' || part === '.' || part === '..')
  ) {
    refuse(
      `tensor ${name} keeps its values in ${quote(location)}, expected a relative path of letters, digits, ".", "_", "-" ` +
        'and "/", without "..": save the model again with its external data in one file beside it',
    );
  }
  for (const key of ['offset', 'length']) {
    const value = entries.get(key);
    if (value !== undefined && !DIGITS.test(value)) {
      refuse(`tensor ${name} has the external ${key} ${quote(value)}, expected a number of bytes`);
    }
  }
  return { path: location, minSizeBytes: Number(entries.get('offset') ?? 0) + Number(entries.get('length') ?? 0) };
}
