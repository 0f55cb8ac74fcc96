/** Which version a request is for, with the digest it must have and the right to fetch it. */
import type { IncomingHttpHeaders } from 'node:http';
import { DIGEST_HEADER, Digest, GRANT_HEADER, LeptonError, type Reference } from '@lepton-edge/protocol';
import type { Catalogue, NamedVersion } from '../models/catalogue.ts';
import type { Models } from '../models/lifecycle.ts';
import type { VersionTarget } from '../models/version-source.ts';

const MAX_GRANT_LENGTH = 4096;

/**
 * Alone the directory says the digest, in a fleet the call does.
 * @throws LeptonError where there is no such version; `invalid_request` when neither says the digest
 */
export async function targetOf(
  { catalogue, models }: { catalogue: Catalogue; models: Models },
  reference: Reference,
  headers: IncomingHttpHeaders,
): Promise<VersionTarget> {
  const named = catalogue.resolve(reference);
  const digest = await catalogue.digestOf(named);
  return digest === undefined ? delegatedTarget(models, named, headers) : { ...named, digest };
}

function delegatedTarget(
  models: Models,
  { model, version }: NamedVersion,
  headers: IncomingHttpHeaders,
): VersionTarget {
  const grant = headers[GRANT_HEADER];
  if (typeof grant === 'string' && grant.length > MAX_GRANT_LENGTH) {
    throw new LeptonError('invalid_request', `${GRANT_HEADER}: expected at most ${MAX_GRANT_LENGTH} characters`);
  }
  const text = headers[DIGEST_HEADER];
  const digest = text === undefined ? models.find(model, version)?.digest : text;
  const parsed = Digest.safeParse(digest);
  if (parsed.success) {
    return { model, version, digest: parsed.data, grant: typeof grant === 'string' ? grant : undefined };
  }
  const got = text === undefined ? 'none' : JSON.stringify(text);
  throw new LeptonError('invalid_request', `${DIGEST_HEADER}: ${parsed.error.issues[0]?.message}, got ${got}`);
}
