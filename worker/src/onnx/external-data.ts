/** The files beside the model that its tensors name, each a path that cannot lead out of the version's own files. */
import { allTensors, type Model, numberOf, type Tensor } from './model.ts';
import { quote, refuse } from './refuse.ts';

const EXTERNAL = 1;
const MAX_FILES = 1_000;
/** The grammar of a version's files; it leaves out absolute paths, drives, URLs, backslashes and the runtime's own markers. */
const RELATIVE_PATH = /^[A-Za-z0-9_][A-Za-z0-9._/-]{0,254}$/;
const DIGITS = /^[0-9]{1,15}$/;

/**
 * Sorted, each once.
 * @throws LeptonError `model_invalid` for a location that is no plain relative path
 */
export function externalDataOf(model: Model): string[] {
  const locations = new Set<string>();
  for (const tensor of allTensors(model)) {
    if (numberOf(tensor.dataLocation) === EXTERNAL) locations.add(locationOf(tensor));
    if (locations.size > MAX_FILES)
      refuse(`the weights are in more than ${MAX_FILES} files, expected them in one or few`);
  }
  return [...locations].sort();
}

function locationOf(tensor: Tensor): string {
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key ?? '', value ?? '']));
  const location = entries.get('location') ?? '';
  const name = quote(tensor.name ?? '');
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
  return location;
}
