/** The home's secrets, each made once and readable by its owner only. */
import { readFile } from 'node:fs/promises';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { Failure } from '../failure.ts';
import type { HomePaths } from '../paths.ts';
import { createFileAtomically } from '../write-file.ts';
import { newAdminKey } from './admin-key-sql.ts';

const SECRET_MODE = 0o600;

export interface Secrets {
  adminKey: string;
  /** A JSON array of Ed25519 private JWKs, each with a `kid`; the first signs. */
  gatewayKeys: string;
}

/** @throws Failure when a file is there that holds something else. */
export async function loadSecrets(paths: HomePaths): Promise<Secrets> {
  const adminKey = (await readOrMake(paths.adminKey, async () => `${newAdminKey()}\n`)).trim();
  if (!/^lep_[A-Za-z0-9_-]{43}$/.test(adminKey)) {
    throw new Failure(`${paths.adminKey} holds no admin key: move it away, and the next start makes a new one`);
  }
  const gatewayKeys = await readOrMake(paths.gatewayKeys, async () => JSON.stringify([await newSigningKey()]));
  if (!isJwkList(gatewayKeys)) {
    throw new Failure(`${paths.gatewayKeys} holds no list of keys: move it away, and the next start makes new ones`);
  }
  return { adminKey, gatewayKeys };
}

async function readOrMake(path: string, make: () => Promise<string>): Promise<string> {
  await createFileAtomically(path, await make(), SECRET_MODE);
  return readFile(path, 'utf8');
}

async function newSigningKey() {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg: 'EdDSA', use: 'sig', kid: await calculateJwkThumbprint(jwk) };
}

function isJwkList(text: string): boolean {
  try {
    const keys: unknown = JSON.parse(text);
    return Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key?.kid === 'string');
  } catch {
    return false;
  }
}
