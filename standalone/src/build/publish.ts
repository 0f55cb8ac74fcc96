/** Replaces a build's output as a whole, so that an end at any moment leaves either a complete one or none. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '../failure.ts';

/**
 * @param target the output folder.
 * @param entry the file in it whose time tells when it was built.
 * @param build fills the folder it is given.
 */
export async function publish(target: string, entry: string, build: (folder: string) => Promise<void>): Promise<void> {
  const began = new Date();
  const workshop = join(dirname(target), '.build');
  await mkdir(workshop, { recursive: true });
  const fresh = await mkdtemp(join(workshop, `${basename(target)}-`));
  try {
    await build(fresh);
    await utimes(join(fresh, entry), began, began);
    await replace(target, fresh, workshop);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function replace(target: string, fresh: string, workshop: string): Promise<void> {
  for (;;) {
    try {
      return await rename(fresh, target);
    } catch (error) {
      // Neither an earlier output nor one that another start put there meanwhile can be renamed over.
      if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
    }
    const replaced = join(workshop, `replaced-${randomUUID()}`);
    await rename(target, replaced).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    await rm(replaced, { recursive: true, force: true });
  }
}
