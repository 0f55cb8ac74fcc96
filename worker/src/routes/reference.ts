/** What the path of a model's route names. */
import { LeptonError, parseReference, type Reference, VersionNumber } from '@lepton-edge/protocol';
import type { AppContext } from '../http/app-env.ts';

export const MODEL_PATHS = ['/v2/models/:ref', '/v2/models/:ref/versions/:version'] as const;

/** `@` names a version or an alias, `/versions/n` a version: together they would be two answers to one question. */
export function referenceOf(c: AppContext): Reference {
  const text = c.req.param('ref') ?? '';
  const ref = parseReference(text);
  const number = c.req.param('version');
  if (number === undefined) return ref;
  if (text.includes('@')) {
    throw new LeptonError(
      'invalid_request',
      `expected "@" or "/versions/n" in the path, got both: ${text}/versions/${number}`,
    );
  }
  const version = VersionNumber.safeParse(number);
  if (version.success) return { model: ref.model, version: version.data };
  throw new LeptonError('version_not_found', `no version can be named ${JSON.stringify(number)}: expected 1, 2, 3, …`);
}
