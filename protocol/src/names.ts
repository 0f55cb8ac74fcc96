/** The grammar of names, digests and references: `name`, `name@alias`, `name@3`. */
import { z } from 'zod';
import { LeptonError } from './errors.ts';

const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const ALIAS_NAME = /^[a-z][a-z0-9-]{0,31}$/;
const VERSION_NUMBER = /^[1-9][0-9]{0,8}$/;

export const ModelName = z
  .string()
  .regex(MODEL_NAME, 'expected 1 to 63 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit');

export const AliasName = z
  .string()
  .regex(ALIAS_NAME, 'expected 1 to 32 of a-z, 0-9 and "-", beginning with a letter')
  .refine((name) => name !== 'latest', '"latest" is not an alias: it would move by itself; name a version instead');

/** A version's number as it stands in a path. */
export const VersionNumber = z
  .string()
  .regex(VERSION_NUMBER, 'expected a version number: 1, 2, 3, …')
  .transform(Number);

export const Digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'expected "sha256:" and 64 lower-case hexadecimal digits');

/** What a caller names to run. Neither `alias` nor `version`: `production`, or the newest ready version without one. */
export interface Reference {
  model: string;
  alias?: string;
  version?: number;
}

/**
 * Parses `name`, `name@alias` or `name@3` as it stands in a (decoded) path.
 * @throws LeptonError `model_not_found`: a name outside the grammar cannot exist, so it is a 404 that says so.
 */
export function parseReference(text: string): Reference {
  const at = text.indexOf('@');
  const model = at < 0 ? text : text.slice(0, at);
  if (!MODEL_NAME.test(model)) {
    throw new LeptonError(
      'model_not_found',
      `no model can be named ${JSON.stringify(model)}: a name is 1 to 63 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit`,
    );
  }
  if (at < 0) return { model };
  const target = text.slice(at + 1);
  if (VERSION_NUMBER.test(target)) return { model, version: Number(target) };
  const alias = AliasName.safeParse(target);
  if (alias.success) return { model, alias: alias.data };
  throw new LeptonError(
    'model_not_found',
    `${JSON.stringify(text)} names no version and no alias: expected "${model}@3" or "${model}@production" (an alias is 1 to 32 of a-z, 0-9 and "-", beginning with a letter, and never "latest")`,
  );
}
