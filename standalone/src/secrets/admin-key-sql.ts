/** The SQL that lets a gateway know its first admin key by the key's hash: for `npm start` and `npm run deploy` alike. */
import { createHash, randomBytes } from 'node:crypto';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const PREFIX_LENGTH = 12;

/** A new secret of 256 random bits: `lep_` and base64url. */
export function newAdminKey(): string {
  return `lep_${randomBytes(32).toString('base64url')}`;
}

/**
 * Statements without parameters, to be run in one batch; a key that is already known is left as it is.
 * The secret is not in them.
 * @param now milliseconds since 1970.
 */
export function adminKeyStatements(secret: string, now: number): string[] {
  const id = `key_${ulid(now)}`;
  const hash = createHash('sha256').update(secret).digest('hex');
  const prefix = secret.slice(0, PREFIX_LENGTH);
  return [
    `INSERT INTO api_keys (id, team_id, name, prefix, hash, scopes, created_at)
     VALUES (${quote(id)}, 'team_default', 'first admin key', ${quote(prefix)}, ${quote(hash)}, '["admin"]', ${now})
     ON CONFLICT (hash) DO NOTHING`,
    `INSERT INTO audit_log (at, actor, team_id, action, subject)
     SELECT ${now}, 'operator', 'team_default', 'key.create', ${quote(`key/${id}`)}
     WHERE EXISTS (SELECT 1 FROM api_keys WHERE id = ${quote(id)})`,
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Source: the ULID specification: 48 bits of time and 80 random ones, in Crockford's base 32. */
function ulid(now: number): string {
  let value = (BigInt(now) << 80n) | BigInt(`0x${randomBytes(10).toString('hex')}`);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD.charAt(Number(value & 31n)) + text;
    value >>= 5n;
  }
  return text;
}
