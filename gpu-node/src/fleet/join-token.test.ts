import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { joinTokenOf } from './join-token.ts';

it('a join token in a file is the one that is there when the node joins', async () => {
  const tokenFile = join(await mkdtemp(join(tmpdir(), 'lepton-token-')), 'token');
  const token = joinTokenOf({ token: undefined, tokenFile });
  await expect(token()).rejects.toThrow(`cannot be read from ${tokenFile} (ENOENT)`);
  await writeFile(tokenFile, 'lnt_one\n');
  expect(await token()).toBe('lnt_one');
  await writeFile(tokenFile, 'lnt_two');
  expect(await token()).toBe('lnt_two');
  await writeFile(tokenFile, 'two words');
  await expect(token()).rejects.toThrow(`expected a join token in ${tokenFile}, and nothing else`);
  expect(await joinTokenOf({ token: 'stated', tokenFile: undefined })()).toBe('stated');
});
