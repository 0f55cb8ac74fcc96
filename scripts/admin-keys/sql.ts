/** The SQL around admin keys that only an operator runs: whether there is one, replacing one, revoking the others. */
import { createHash } from 'node:crypto';
import { adminKeyStatements } from '../../standalone/src/secrets/admin-key-sql.ts';

/** Every scope is a quoted word of a JSON array. */
const IS_LIVE_ADMIN = `revoked_at IS NULL AND scopes LIKE '%"admin"%'`;

/** One row with `count`, of keys that are neither revoked nor expired. @param now milliseconds since 1970. */
export function countAdminKeys(now: number): string {
  return `SELECT count(*) AS count FROM api_keys WHERE ${IS_LIVE_ADMIN} AND (expires_at IS NULL OR expires_at > ${now})`;
}

/** Lets the gateway know one more admin key; the others stay. The secret is not in the statements. */
export function replacementKeyStatements(secret: string, now: number): string[] {
  const name = `admin key of ${new Date(now).toISOString().slice(0, 10)}`;
  return [...adminKeyStatements(secret, now), `UPDATE api_keys SET name = '${name}' WHERE hash = '${hashOf(secret)}'`];
}

/** One row with `count`, of the keys that `revokeOthersStatements` would revoke. */
export function countOthers(secret: string): string {
  return `SELECT count(*) AS count FROM api_keys WHERE ${isOther(secret)}`;
}

/** Revokes every admin key but `secret`, each with its row in the audit log. */
export function revokeOthersStatements(secret: string, now: number): string[] {
  return [
    `INSERT INTO audit_log (at, actor, team_id, action, subject)
     SELECT ${now}, 'operator', team_id, 'key.revoke', 'key/' || id FROM api_keys WHERE ${isOther(secret)}`,
    `UPDATE api_keys SET revoked_at = ${now} WHERE ${isOther(secret)}`,
  ];
}

function isOther(secret: string): string {
  return `${IS_LIVE_ADMIN} AND hash <> '${hashOf(secret)}'`;
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
