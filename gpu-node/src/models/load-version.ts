/** From a version's name to a model that answers: described, fetched, loaded, checked, and warm. */
import { type BatchPlan, batchPlan, generateInputs, type Manifest } from '@lepton-edge/protocol';
import {
  type CopyRoom,
  EngineError,
  type Instance,
  type ModelSource,
  type RunInput,
  type Tuning,
} from '../engines/engine.ts';
import { avoidedEngines } from './avoided-engines.ts';
import type { Hold } from './disk-space.ts';
import type { Described, Repository } from './repository.ts';
import { disagreement, withSignature } from './signature.ts';
import type { VersionTarget } from './version-source.ts';
import { type WarmUp, warmUp } from './warm-up.ts';

const MAX_SAMPLED_ITEMS = 8;
const NO_COPIES: CopyRoom = { free: 0, book: () => 0 };

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
  /** How requests of it may share a run; undefined where each runs alone. */
  plan: BatchPlan | undefined;
  /** A trial has measured it, and what becomes of its answers in batches. */
  isMeasured: boolean;
}

/** A model that answers. */
export interface Running {
  instance: Instance;
  /** Where the version's files are under their own paths, as long as it is loaded; undefined where the model's is the only one. */
  folder: string | undefined;
  files: Hold;
  warmUp: WarmUp;
  tuning: Tuning | undefined;
}

export interface LoadSteps {
  enter(phase: LoadPhase): void;
  /** Called once the files are here: a download that fails must not cost anybody a loaded model. @throws LeptonError */
  makeRoom(bytes: number): void;
  /** Called where it goes to a GPU, before it does. @throws LeptonError; EngineError `unsupported` for what never can */
  makeRoomOnGpu(bytes: number): Promise<void>;
  /** Room for more copies of so many bytes without anything else going. */
  roomForCopies(bytes: number): CopyRoom;
}

interface Loaded {
  running: Running;
  served: Served;
  sizeBytes: number;
  /** As `avoidedEngines` gives them. */
  avoid: Readonly<Record<string, string>> | undefined;
}

/** Whatever fails leaves nothing behind. @throws LeptonError; EngineError */
export async function loadVersion(
  target: VersionTarget,
  { repository, engines }: LoadParts,
  { enter, makeRoom, makeRoomOnGpu, roomForCopies }: LoadSteps,
): Promise<Loaded> {
  const described = await repository.describe(target);
  const { source, folder, files } = await repository.fetch(target, described);
  let instance: Instance | undefined;
  try {
    makeRoom(described.sizeBytes);
    enter('loading');
    const avoid = avoidedEngines(described.admission);
    instance = await engines.load({
      ...source,
      ...(avoid && { avoid }),
      sizeBytes: described.sizeBytes,
      makeRoomOnGpu,
    });
    // A tokenizer is read when the first text comes.
    if (!described.manifest.tokenizer) files.read();
    const fault = described.stated ? disagreement(described.manifest, instance) : undefined;
    if (fault !== undefined) throw new EngineError('unsupported', fault);
    const served = servedAs(described, instance);
    enter('warming');
    const { warmUp: warmed, shapes } = await warmUp(instance, served.manifest, described.admission);
    const sample = shapes && sampleOf(served, shapes);
    const { sizeBytes } = described;
    // What keeps something between its runs must see all of them.
    const room = served.manifest.stateful ? NO_COPIES : roomForCopies(sizeBytes);
    const tuning = warmed.unfinished ? undefined : await instance.tune?.(sample, room);
    return { running: { instance, folder, files, warmUp: warmed, tuning }, served, sizeBytes, avoid };
  } catch (error) {
    files.release();
    await instance?.unload();
    throw error;
  }
}

/** Runs as they will be: of several items, where there are batches. */
function sampleOf({ manifest, plan }: Served, shapes: Record<string, number[]>): () => RunInput {
  const items = Math.min(MAX_SAMPLED_ITEMS, plan?.maxItems ?? 1);
  const batched = Object.entries(shapes).map(([name, shape]) => {
    const axis = plan?.axes.get(name);
    return [name, axis === undefined ? shape : shape.with(axis, (shape[axis] ?? 1) * items)] as const;
  });
  const outputs = manifest.outputs.map(({ name }) => name);
  return () => ({ inputs: generateInputs(manifest, Object.fromEntries(batched), 1), outputs });
}

export function servedAs({ manifest: stated, admission }: Described, instance: Instance): Served {
  const manifest = withSignature(stated, instance);
  return { manifest, plan: batchPlan(manifest, admission), isMeasured: !!(admission?.node ?? admission?.edge) };
}
