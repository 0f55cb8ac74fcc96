/** Where versions come from that must be fetched: a gateway. Those of a directory are read where they lie. */
import type { Version, VersionFile } from '@lepton-edge/protocol';

/** One version to run, as the call that wants it names it. */
export interface VersionTarget {
  model: string;
  version: number;
  /** What the version's digest must be. */
  digest: string;
  /** The right to read it, where the source asks for one. A secret. */
  grant?: string | undefined;
}

export interface BlobStream {
  /** Where in the file the bytes begin: what was asked for, or 0 where the source knows no ranges. */
  offset: number;
  body: AsyncIterable<Uint8Array>;
}

/** Everything throws LeptonError with a sentence for the caller: `unavailable` where trying again may help. */
export interface VersionSource {
  describe(target: VersionTarget): Promise<Version>;
  /** The file's bytes from `offset` on; the signal ends the stream. */
  open(target: VersionTarget, file: VersionFile, offset: number, signal: AbortSignal): Promise<BlobStream>;
}
