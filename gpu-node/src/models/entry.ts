/** A digest that is loaded or being loaded, the names it goes by, and what it takes. */
import type { LoadedModel } from '@lepton-edge/protocol';
import type { Candidate } from './evictions.ts';
import type { LoadPhase, Running, Served } from './load-version.ts';
import type { VersionTarget } from './version-source.ts';

/** A version under whose name a digest was asked for. */
export interface Named extends LoadedModel {
  served: Served | undefined;
}

export interface Entry extends Candidate {
  digest: string;
  label: string;
  /** By `name@3`: one digest may be several versions. */
  names: Map<string, Named>;
  /** Of the files, for each copy. */
  bytes: number;
  /** Of these, what a GPU holds. */
  gpuBytes: number;
  /** Called when the last lease is released. */
  onIdle: () => void;
  phase: LoadPhase;
  loading: Promise<Running>;
  running: Running | undefined;
}

/** Whose loading has not begun: it must be in its place before. */
export function newEntry(target: VersionTarget): Entry {
  return {
    digest: target.digest,
    label: nameOf(target),
    names: new Map([[nameOf(target), newName(target)]]),
    bytes: 0,
    gpuBytes: 0,
    leases: 0,
    pins: 0,
    onIdle: () => undefined,
    phase: 'downloading',
    loading: undefined as never,
    running: undefined,
  };
}

export function nameOf({ model, version }: Pick<VersionTarget, 'model' | 'version'>): string {
  return `${model}@${version}`;
}

export function newName({ model, version, digest }: VersionTarget): Named {
  return { model, version, digest, served: undefined };
}
