import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createKeyVerifier, readKeys } from './verify-key.ts';

async function keyFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'keys'), text);
  return join(folder, 'keys');
}

describe('readKeys', () => {
  it('reads one a line, without comments', async () => {
    expect(await readKeys(await keyFile('# ours\r\nabc-1\n\n  d.e_f~+/=  \n'))).toEqual(['abc-1', 'd.e_f~+/=']);
  });

  it('refuses what is no key without showing it', async () => {
    const refused = readKeys(await keyFile('fine\nmy secret\n'));
    await expect(refused).rejects.toThrow(/line 2: expected a key/);
    await expect(refused).rejects.not.toThrow(/secret/);
    await expect(readKeys(await keyFile('# nothing\n'))).rejects.toThrow('has no key in it');
  });
});

describe('createKeyVerifier', () => {
  const verify = createKeyVerifier(['first', 'second']);

  it.each([
    ['Bearer first', '0'],
    ['bearer second', '1'],
    ['Bearer  second', '1'],
  ])('lets in %s as a tenant of its own', (header, tenant) =>
    expect(verify({ authorization: header })).resolves.toBe(tenant),
  );

  it.each([
    [undefined, 'no key came'],
    ['Basic Zmlyc3Q=', 'no Bearer key'],
    ['Bearer third', 'none of this node'],
    ['Bearer firs', 'none of this node'],
    ['Bearer ', 'no Bearer key'],
  ])('refuses %s', async (header, part) => {
    await expect(verify({ authorization: header })).rejects.toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining(part),
    });
  });
});
