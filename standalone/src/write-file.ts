/** Files that are whole or absent, whatever ends the process in between. */
import { randomUUID } from 'node:crypto';
import { link, open, rename, unlink } from 'node:fs/promises';
import { errnoOf } from './failure.ts';

/** Replaces the file at `path`. `mode` is octal: 0o600 for secrets. */
export async function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  await rename(await writeTemporary(path, content, mode), path);
}

/** Makes the file unless it exists; `false` when it did, which leaves it as it was. */
export async function createFileAtomically(path: string, content: string, mode = 0o644): Promise<boolean> {
  const temporary = await writeTemporary(path, content, mode);
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary);
  }
}

async function writeTemporary(path: string, content: string | Uint8Array, mode: number): Promise<string> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const file = await open(temporary, 'w', mode);
  try {
    // The mode given to open is cut by the umask, and ignored when an earlier run left the file behind.
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}
