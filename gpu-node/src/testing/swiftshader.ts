/** A GPU made of software, SwiftShader, as the npm package of a headless Chromium brings it for Linux on x64. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';

/**
 * The environment in which a process finds SwiftShader, and no other adapter. It is unpacked once, into the system's folder
 * for temporary files.
 * @throws Error where there is none for this machine
 */
export async function swiftShaderEnv(): Promise<Record<string, string>> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`npm brings SwiftShader for Linux on x64 only, not for ${process.platform} on ${process.arch}`);
  }
  const folder = await unpacked();
  return { LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json') };
}

/** An environment in which a process finds no adapter on Linux. */
export const NO_ADAPTER = { VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' };

async function unpacked(): Promise<string> {
  const packed = join(
    dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')),
    '../bin/swiftshader.tar.br',
  );
  const folder = join(tmpdir(), 'lepton-edge-swiftshader-153');
  if (existsSync(folder)) return folder;
  const fresh = await mkdtemp(`${folder}-`);
  try {
    const tar = join(fresh, 'swiftshader.tar');
    await writeFile(tar, brotliDecompressSync(await readFile(packed)));
    await promisify(execFile)('tar', ['xf', tar, '-C', fresh]);
    await rm(tar);
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true });
    // Another test was first.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
