/** Checks what lies on disk while no process holds it: nothing half-done, whenever the kill came. */
import type { Select, Stored } from '../../support/stored.ts';
import type { Journal } from '../journal.ts';

/** Each selects what must not be. */
const NEVER = {
  'versions without files': `SELECT id AS what FROM versions v WHERE NOT EXISTS (SELECT 1 FROM version_files WHERE version_id = v.id)`,
  'files of versions that are not stored': `SELECT digest AS what FROM version_files f
    WHERE NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.digest = f.digest)`,
  'files of versions that the manifest does not name, or the other way round': `SELECT v.id AS what FROM versions v
    WHERE (SELECT group_concat(path || digest) FROM (SELECT path, digest FROM version_files WHERE version_id = v.id ORDER BY path))
    IS NOT (SELECT group_concat(path || digest) FROM (SELECT value ->> 'path' AS path, value ->> 'digest' AS digest
      FROM json_each(v.manifest, '$.files') ORDER BY 1))`,
  'versions in admission that nobody admits': `SELECT id AS what FROM versions v
    WHERE (state = 'admitting') <> EXISTS (SELECT 1 FROM admissions WHERE version_id = v.id)`,
  'gaps in version numbers': `SELECT model_id AS what FROM versions GROUP BY model_id HAVING MAX(version) <> COUNT(*)`,
  'gaps in histories': `SELECT model_id || alias AS what FROM alias_history GROUP BY model_id, alias HAVING MAX(revision) <> COUNT(*)`,
  'aliases that are not where their history ends': `SELECT alias AS what FROM aliases a WHERE NOT EXISTS (SELECT 1 FROM alias_history h
    WHERE h.model_id = a.model_id AND h.alias = a.alias AND h.revision = a.revision AND h.targets = a.targets
    AND h.revision = (SELECT MAX(revision) FROM alias_history WHERE model_id = a.model_id AND alias = a.alias))`,
  'parts of completed uploads': `SELECT upload_id AS what FROM upload_parts p
    WHERE NOT EXISTS (SELECT 1 FROM uploads u WHERE u.id = p.upload_id AND u.state <> 'done')`,
  'versions without an audit row': `SELECT m.name || '@' || v.version AS what FROM versions v JOIN models m ON m.id = v.model_id
    WHERE 1 <> (SELECT COUNT(*) FROM audit_log a WHERE a.action = 'version.create' AND a.model = m.name AND a.detail ->> 'version' = v.version)`,
  'decided versions without an audit row': `SELECT m.name || '@' || v.version AS what FROM versions v JOIN models m ON m.id = v.model_id
    WHERE v.state = 'ready' AND NOT EXISTS (SELECT 1 FROM audit_log a
      WHERE a.action = 'version.ready' AND a.subject = 'version/' || m.name || '@' || v.version)`,
  'revisions without an audit row': `SELECT m.name || '@' || h.alias || h.revision AS what FROM alias_history h JOIN models m ON m.id = h.model_id
    WHERE 1 <> (SELECT COUNT(*) FROM audit_log a WHERE a.subject = 'alias/' || m.name || '@' || h.alias AND a.detail ->> 'revision' = h.revision)`,
};

/** An audit row as the journal expects it. */
const AUDIT_ROWS = `SELECT CASE
    WHEN action IN ('version.create', 'version.archive') THEN action || ' ' || model || '@' || (detail ->> 'version')
    WHEN action LIKE 'alias.%' THEN action || ' ' || subject || ' ' || (detail ->> 'revision')
    WHEN action = 'grant.put' THEN action || ' ' || subject || ' ' || (detail ->> 'access')
    WHEN action = 'upload.complete' THEN action || ' ' || subject || ' ' || (detail ->> 'upload')
    ELSE action || ' ' || subject END AS what, COUNT(*) AS count FROM audit_log GROUP BY what`;

export function checkRows({ d1, r2, blobs }: Stored, journal: Journal): void {
  for (const [sentence, sql] of Object.entries(NEVER)) {
    for (const { what } of d1<{ what: string }>(sql)) journal.violate(`${sentence}: ${what}`);
  }
  checkObjects(d1, r2, blobs, journal);
  const rows = new Map(d1<{ what: string; count: number }>(AUDIT_ROWS).map(({ what, count }) => [what, count]));
  for (const [row, count] of journal.audited) {
    if ((rows.get(row) ?? 0) < count)
      journal.violate(`${rows.get(row) ?? 0} audit rows "${row}", acknowledged were ${count}`);
  }
}

/** Every file of the registry is in R2, and whatever else is there is known to be loose. */
function checkObjects(d1: Select, r2: Select, blobs: Stored['blobs'], journal: Journal): void {
  const objects = new Map(
    r2<{ key: string; size: number }>('SELECT key, size FROM _mf_objects').map((o) => [o.key, o.size]),
  );
  const files = d1<{ key: string; size_bytes: number }>('SELECT key, size_bytes FROM artifacts');
  for (const { key, size_bytes } of files) {
    if (objects.get(key) !== size_bytes) journal.violate(`${key} has ${objects.get(key)} of ${size_bytes} bytes in R2`);
  }
  const known = new Set([...files, ...d1<{ key: string }>('SELECT key FROM loose_objects')].map(({ key }) => key));
  const inParts = r2<{ key: string }>(
    `SELECT DISTINCT u.key FROM _mf_multipart_uploads u JOIN _mf_multipart_parts p USING (upload_id) WHERE state = 0`,
  );
  for (const key of [...objects.keys(), ...inParts.map((upload) => upload.key)]) {
    if (!known.has(key)) journal.violate(`${key} is in R2, and no row knows it`);
  }
  for (const { id, size } of blobsOf(r2)) {
    if (blobs.get(id) !== size) journal.violate(`the bytes ${id} of R2 are ${blobs.get(id)}, expected ${size}`);
  }
}

/** The files that hold R2's objects, and parts of those to come. */
export function blobsOf(r2: Select): { id: string; size: number }[] {
  return r2(`SELECT blob_id AS id, size FROM _mf_objects WHERE blob_id IS NOT NULL
    UNION SELECT blob_id AS id, size FROM _mf_multipart_parts`);
}
