/** What a gateway gave the node when it joined, kept so that a restart needs no new token. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { JoinAnswer } from '@lepton-edge/protocol';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

const StoredCredential = JoinAnswer.extend({ gateway: z.string() });
/** `credential` is a secret. */
export type Credential = z.output<typeof StoredCredential>;

export interface CredentialStore {
  /** Undefined when there is none for this gateway. */
  read(gateway: string): Promise<Credential | undefined>;
  write(credential: Credential): Promise<void>;
  forget(): Promise<void>;
}

/** `<home>/credential.json` */
export function credentialStore(home: string): CredentialStore {
  const path = join(home, 'credential.json');
  return {
    async read(gateway) {
      const stored = await readPrivateJson(path, StoredCredential);
      return stored?.gateway === gateway ? stored : undefined;
    },
    write: (credential) => writePrivateJson(path, credential),
    forget: () => rm(path, { force: true }),
  };
}
