/** Lets a request in by its Bearer key, if the key has the scope. */
import { LeptonError, type Scope } from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import { LRUCache } from 'lru-cache';
import type { Principal } from '../context.ts';
import { hashSecret } from '../db/secrets.ts';
import { type AppContext, type AppEnv, waitUntilOf } from '../http/app-env.ts';

/** Any one of `scopes` is enough; `admin` implies every scope but `node`. */
export const authenticate = (...scopes: Scope[]): MiddlewareHandler<AppEnv> =>
  async function authenticate(c, next) {
    const principal = await authenticated(c);
    if (!scopes.some((scope) => hasScope(principal, scope))) {
      const needed = scopes.map((scope) => `"${scope}"`).join(' or ');
      const has = [...principal.scopes].map((scope) => `"${scope}"`).join(', ');
      throw new LeptonError('missing_scope', `this needs a key with scope ${needed}, the key given has ${has}`);
    }
    c.set('principal', principal);
    await next();
  };

/** Whether a key may do what a scope stands for. */
function hasScope(principal: Principal, scope: Scope): boolean {
  return principal.scopes.has(scope) || (scope !== 'node' && principal.scopes.has('admin'));
}

/** Of the secrets that this isolate has lately been shown, in its memory alone. What a key may do is asked each time. */
const hashes = new LRUCache<string, string>({ max: 1_000 });

async function authenticated(c: AppContext): Promise<Principal> {
  const header = c.req.header('authorization');
  if (header === undefined) {
    throw new LeptonError('unauthenticated', 'expected the header "Authorization: Bearer <key>", got none');
  }
  const [, secret] = /^Bearer +(\S+)$/i.exec(header) ?? [];
  if (!secret)
    throw new LeptonError('unauthenticated', 'expected the header "Authorization: Bearer <key>", got another form');
  const gateway = c.get('gateway');
  const waitUntil = waitUntilOf(c);
  const remembered = hashes.get(secret);
  const hash = remembered ?? (await hashSecret(secret));
  const principal = gateway.directory.freshKey(hash) ?? (await gateway.directory.key(hash, waitUntil));
  // Of strangers nothing is kept.
  if (principal && remembered === undefined) hashes.set(secret, hash);
  if (principal && (principal.expiresAt === undefined || principal.expiresAt > gateway.now())) {
    gateway.lastUse.note(principal.keyId, waitUntil);
    return principal;
  }
  throw new LeptonError('unauthenticated', 'the key is not known here: it is mistyped, revoked or expired');
}
