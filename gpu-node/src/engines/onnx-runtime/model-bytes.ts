/** What a model is reckoned to take where it is loaded. */
import { stat } from 'node:fs/promises';
import { EngineError, type ModelSource } from '../engine.ts';

/** @throws EngineError `unsupported` when its file cannot be read */
export async function bytesOf({ path, label, sizeBytes }: ModelSource): Promise<number> {
  try {
    return sizeBytes ?? (await stat(path)).size;
  } catch (cause) {
    throw new EngineError('unsupported', `the file of ${label} cannot be read`, cause);
  }
}
