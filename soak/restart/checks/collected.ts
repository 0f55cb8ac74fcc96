/** Checks that garbage is collected: in the end R2 holds the files of the registry, and nothing else. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stored, withLiveRows } from '../../support/stored.ts';
import type { Journal } from '../journal.ts';
import { blobsOf } from './rows.ts';

const POLL_MS = 500;

const LEFT = `SELECT (SELECT COUNT(*) FROM uploads) AS uploads, (SELECT COUNT(*) FROM upload_parts) AS parts,
  (SELECT COUNT(*) FROM loose_objects) AS loose,
  (SELECT COUNT(*) FROM artifacts a WHERE NOT EXISTS (SELECT 1 FROM version_files f WHERE f.digest = a.digest)) AS unused`;
type Left = Record<'uploads' | 'parts' | 'loose' | 'unused', number>;

/** Waits, while the gateway runs, until nothing is left to collect. */
export async function untilCollected(home: string, journal: Journal, limitMs: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const [left] = await withLiveRows(home, (d1) => d1<Left>(LEFT));
    const took = performance.now() - began;
    if (left && Object.values(left).every((count) => count === 0)) return took;
    if (took > limitMs) {
      journal.violate(`after ${Math.round(took / 1000)} s there is garbage left: ${JSON.stringify(left)}`);
      return took;
    }
    await sleep(POLL_MS);
  }
}

/** What Miniflare's R2 leaves lying that no object names, and that the real one has no counterpart of. */
export interface Leftovers {
  objects: number;
  /** Uploads in parts that were begun and got no part: R2 itself ends those after seven days. */
  emptyUploads: number;
  /** Files on disk that Miniflare's own tables no longer name. */
  strayBlobs: number;
}

export function checkCollected({ d1, r2, blobs }: Stored, journal: Journal): Leftovers {
  const keys = (rows: { key: string }[]) => rows.map(({ key }) => key).sort();
  const files = keys(d1<{ key: string }>('SELECT key FROM artifacts'));
  const objects = keys(r2<{ key: string }>('SELECT key FROM _mf_objects'));
  if (files.join() !== objects.join()) {
    journal.violate(`R2 holds ${objects.length} objects, the registry ${files.length} files: they are not the same`);
  }
  const [open] = r2<{ parts: number; empty: number }>(`SELECT
    (SELECT COUNT(*) FROM _mf_multipart_parts p JOIN _mf_multipart_uploads u USING (upload_id) WHERE u.state = 0) AS parts,
    (SELECT COUNT(*) FROM _mf_multipart_uploads WHERE state = 0) AS empty`);
  if (open && open.parts > 0) journal.violate(`R2 holds ${open.parts} parts of uploads that nobody goes on with`);
  const named = new Set(blobsOf(r2).map(({ id }) => id));
  const strayBlobs = [...blobs.keys()].filter((id) => !named.has(id)).length;
  return { objects: objects.length, emptyUploads: open?.empty ?? 0, strayBlobs };
}
