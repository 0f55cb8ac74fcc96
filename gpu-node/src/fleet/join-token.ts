/** The join token: stated, or in a file such as a mounted secret, which may be another one by the next join. */
import { readFile } from 'node:fs/promises';
import type { Config } from '../config.ts';
import { MembershipError } from './membership.ts';

export function joinTokenOf({
  token,
  tokenFile,
}: Pick<Config, 'token' | 'tokenFile'>): () => Promise<string | undefined> {
  return async () => {
    if (tokenFile === undefined) return token;
    try {
      const text = (await readFile(tokenFile, 'utf8')).trim();
      if (/^\S{1,200}$/.test(text)) return text;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new MembershipError(`the join token cannot be read from ${tokenFile} (${code})`, { cause });
    }
    throw new MembershipError(`expected a join token in ${tokenFile}, and nothing else`);
  };
}
