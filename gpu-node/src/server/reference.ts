/** Which version a path names. */
import { LeptonError, parseReference, type Reference, VersionNumber } from '@lepton-edge/protocol';
import type { NamedInPath } from './route.ts';

/**
 * `@` names a version, `/versions/n` too: together they would be two answers to one question.
 * @throws LeptonError `model_not_found`, `version_not_found` for what cannot exist; `invalid_request` for both together
 */
export function referenceOf({ reference, version }: NamedInPath): Reference {
  const parsed = parseReference(reference);
  if (version === undefined) return parsed;
  if (reference.includes('@')) {
    throw new LeptonError(
      'invalid_request',
      `expected "@" or "/versions/n" in the path, got both: ${reference}/versions/${version}`,
    );
  }
  const number = VersionNumber.safeParse(version);
  if (number.success) return { model: parsed.model, version: number.data };
  throw new LeptonError('version_not_found', `no version can be named ${JSON.stringify(version)}: expected 1, 2, 3, …`);
}
