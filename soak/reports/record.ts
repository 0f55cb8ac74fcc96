/** Pages of what was measured, in `docs/measurements`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../test/support/program.ts';

/** @param name without its ending */
export async function recordMeasurement(name: string, page: string): Promise<void> {
  const folder = join(ROOT, 'docs/measurements');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.md`), page);
}
