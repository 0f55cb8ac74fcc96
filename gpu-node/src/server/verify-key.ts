/** Lets in whoever has one of the keys: for a node that is used without a gateway. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { LeptonError } from '@lepton-edge/protocol';

/** @returns whom it lets in, among those who share the node @throws LeptonError `unauthenticated` */
export type Verify = (headers: IncomingHttpHeaders) => Promise<string>;

/** What a header can carry as a Bearer token (RFC 6750, `b64token`). */
const KEY = /^[\w.~+/=-]{1,512}$/;

/** One key a line; `#` begins a line that is a comment. @throws Error saying what is wrong, never quoting a line */
export async function readKeys(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/).map((line) => line.trim());
  const keys: string[] = [];
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue;
    if (!KEY.test(line)) {
      throw new Error(
        `${path}, line ${i + 1}: expected a key of 1 to 512 letters, digits and "-._~+/=", and nothing else`,
      );
    }
    keys.push(line);
  }
  if (keys.length === 0) throw new Error(`${path} has no key in it: expected one a line`);
  return keys;
}

/** Compares digests with every key, whichever fits, so that time tells nothing about any of them. */
export function createKeyVerifier(keys: readonly string[]): Verify {
  const known = keys.map(digestOf);
  return async function verifyKey({ authorization }) {
    const key = /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1];
    const digest = digestOf(key ?? '');
    let fitting = -1;
    for (const [i, each] of known.entries()) if (timingSafeEqual(each, digest)) fitting = i;
    if (key !== undefined && fitting >= 0) return String(fitting);
    const why =
      authorization === undefined
        ? 'no key came'
        : key === undefined
          ? 'it is no Bearer key'
          : 'it is none of this node';
    throw new LeptonError('unauthenticated', `expected "Authorization: Bearer <key>"; ${why}`);
  };
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
