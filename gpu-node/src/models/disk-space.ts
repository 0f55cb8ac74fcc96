/** Which files of models are on disk, how many bytes they take together, and which go when another needs the room. Pure. */
import { LeptonError } from '@lepton-edge/protocol';

interface Kept {
  bytes: number;
  /** Being loaded or tried from: never removed. */
  readers: number;
  /** Of a model that is loaded: removed last, its reload would fetch it again. */
  loaded: number;
}

/** Says that files are needed, until `release`. */
export interface Hold {
  /** They have been read; the model that was made of them runs. */
  read(): void;
  /** Idempotent. */
  release(): void;
}

export class DiskSpace {
  readonly maxBytes: number;
  /** By digest, least recently used first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a file with these bytes from now on, as the one used last. */
  keep(digest: string, bytes: number): void {
    const kept = this.#kept.get(digest) ?? { bytes: 0, readers: 0, loaded: 0 };
    this.#bytes += bytes - kept.bytes;
    this.#kept.delete(digest);
    this.#kept.set(digest, Object.assign(kept, { bytes }));
  }

  /** The file is gone; holds on it stay. */
  drop(digest: string): void {
    const kept = this.#kept.get(digest);
    if (!kept) return;
    this.#bytes -= kept.bytes;
    kept.bytes = 0;
    if (kept.readers + kept.loaded === 0) this.#kept.delete(digest);
  }

  hold(digests: readonly string[]): Hold {
    const held = digests.map((digest) => {
      const kept = this.#kept.get(digest) ?? { bytes: 0, readers: 0, loaded: 0 };
      this.#kept.set(digest, kept);
      kept.readers++;
      return { digest, kept };
    });
    let state: 'reading' | 'loaded' | 'released' = 'reading';
    return {
      read() {
        if (state !== 'reading') return;
        state = 'loaded';
        for (const { kept } of held) {
          kept.readers--;
          kept.loaded++;
        }
      },
      release: () => {
        if (state === 'released') return;
        for (const { digest, kept } of held) {
          if (state === 'reading') kept.readers--;
          else kept.loaded--;
          if (kept.readers + kept.loaded + kept.bytes === 0) this.#kept.delete(digest);
        }
        state = 'released';
      },
    };
  }

  /**
   * What must be removed before a file can be kept with these bytes: idle files first, then those of loaded models, each
   * least recently used first, and no more than needed.
   * @param freeBytes of the disk, whatever else is on it
   * @throws LeptonError `unavailable`: it never fits, or not while others are being read
   */
  choose(digest: string, bytes: number, freeBytes = Number.POSITIVE_INFINITY): string[] {
    this.checkFits(digest, bytes);
    const missing = bytes - (this.#kept.get(digest)?.bytes ?? 0);
    let excess = missing - Math.min(this.maxBytes - this.#bytes, freeBytes);
    const others = [...this.#kept].filter(([other, { readers }]) => other !== digest && readers === 0);
    const idle = others.filter(([, { loaded }]) => loaded === 0);
    const chosen: string[] = [];
    for (const [other, kept] of [...idle, ...others.filter(([, { loaded }]) => loaded > 0)]) {
      if (excess <= 0) break;
      if (kept.bytes === 0) continue;
      chosen.push(other);
      excess -= kept.bytes;
    }
    if (excess <= 0) return chosen;
    const why = `${excess} more bytes are needed than can be made free now`;
    const message = `there is no room on this node's disk for the ${bytes} bytes of ${digest}: ${why}`;
    throw new LeptonError('unavailable', message, { retryAfterSeconds: 2 });
  }

  /** @throws LeptonError `unavailable` when these bytes are more than may be kept in all */
  checkFits(what: string, bytes: number): void {
    if (bytes <= this.maxBytes) return;
    throw new LeptonError(
      'unavailable',
      `${what} takes ${bytes} bytes, this node keeps at most ${this.maxBytes} bytes of files: raise --max-disk-mib`,
    );
  }
}
