/** From a version's name to a model that answers: described, fetched, loaded, checked, and warm. */
import type { Admission, Manifest } from '@lepton-edge/protocol';
import { EngineError, type Instance, type ModelSource } from '../engines/engine.ts';
import type { Hold } from './disk-space.ts';
import type { Described, Repository } from './repository.ts';
import { disagreement, withSignature } from './signature.ts';
import type { VersionTarget } from './version-source.ts';
import { type WarmUp, warmUp } from './warm-up.ts';

/** How far it is: its files come, an engine takes it, it makes its first runs. */
export type LoadPhase = 'downloading' | 'loading' | 'warming';

export interface LoadParts {
  repository: Pick<Repository, 'describe' | 'fetch'>;
  engines: { load(source: ModelSource): Promise<Instance> };
}

/** What of a version its name decides: versions of one digest may differ in it. */
export interface Served {
  /** With the file's own signature where it states none. */
  manifest: Manifest;
  /** What was measured of it, where somebody has. */
  admission: Admission | undefined;
}

/** A model that answers. */
export interface Running {
  instance: Instance;
  /** Where the version's files are under their own paths, as long as it is loaded; undefined where the model's is the only one. */
  folder: string | undefined;
  files: Hold;
  warmUp: WarmUp;
}

export interface LoadSteps {
  enter(phase: LoadPhase): void;
  /** Called once the files are here: a download that fails must not cost anybody a loaded model. @throws LeptonError */
  makeRoom(bytes: number): void;
}

/** Whatever fails leaves nothing behind. @throws LeptonError; EngineError */
export async function loadVersion(
  target: VersionTarget,
  { repository, engines }: LoadParts,
  { enter, makeRoom }: LoadSteps,
): Promise<{ running: Running; served: Served }> {
  const described = await repository.describe(target);
  const { source, folder, files } = await repository.fetch(target, described);
  let instance: Instance | undefined;
  try {
    makeRoom(described.sizeBytes);
    enter('loading');
    instance = await engines.load({ ...source, sizeBytes: described.sizeBytes });
    // A tokenizer is read when the first text comes.
    if (!described.manifest.tokenizer) files.read();
    const fault = described.stated ? disagreement(described.manifest, instance) : undefined;
    if (fault !== undefined) throw new EngineError('unsupported', fault);
    const served = servedAs(described, instance);
    enter('warming');
    return { running: { instance, folder, files, warmUp: await warmUp(instance, served) }, served };
  } catch (error) {
    files.release();
    await instance?.unload();
    throw error;
  }
}

export function servedAs({ manifest, admission }: Described, instance: Instance): Served {
  return { manifest: withSignature(manifest, instance), admission };
}
