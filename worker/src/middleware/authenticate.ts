/** Lets a request in by its Bearer key, if the key has the scope. */
import { LeptonError, type Scope } from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import { LRUCache } from 'lru-cache';
import type { Principal } from '../context.ts';
import { hashSecret } from '../db/secrets.ts';
import { type AppContext, type AppEnv, waitUntilOf } from '../http/app-env.ts';

/** Any one of `scopes` is enough; `admin` implies every scope but `node`. */
export const authenticate = (...scopes: Scope[]): MiddlewareHandler<AppEnv> => {
  const admit = (c: AppContext, principal: Principal) => {
    if (!scopes.some((scope) => hasScope(principal, scope))) {
      const needed = scopes.map((scope) => `"${scope}"`).join(' or ');
      const has = [...principal.scopes].map((scope) => `"${scope}"`).join(', ');
      throw new LeptonError('missing_scope', `this needs a key with scope ${needed}, the key given has ${has}`);
    }
    c.set('principal', principal);
  };
  return (c, next) => {
    const header = c.req.header('authorization');
    const fresh = freshPrincipal(c, header);
    if (fresh) {
      admit(c, fresh);
      return next();
    }
    return findPrincipal(c, header).then((principal) => {
      admit(c, principal);
      return next();
    });
  };
};

/** Whether a key may do what a scope stands for. */
function hasScope(principal: Principal, scope: Scope): boolean {
  return principal.scopes.has(scope) || (scope !== 'node' && principal.scopes.has('admin'));
}

/** Of the keys that this isolate has lately been shown, by the header as it came, in its memory alone. What a key may do is asked each time. */
const hashes = new LRUCache<string, string>({ max: 1_000 });

/** Without a promise, where the key is known and fresh. */
function freshPrincipal(c: AppContext, header: string | undefined): Principal | undefined {
  const hash = header === undefined ? undefined : hashes.get(header);
  const principal = hash === undefined ? undefined : c.get('gateway').directory.freshKey(hash);
  return principal && valid(c, principal);
}

/** @throws LeptonError `unauthenticated` */
async function findPrincipal(c: AppContext, header: string | undefined): Promise<Principal> {
  if (header === undefined) {
    throw new LeptonError('unauthenticated', 'expected the header "Authorization: Bearer <key>", got none');
  }
  const hash = hashes.get(header) ?? (await hashSecret(secretIn(header)));
  const principal = await c.get('gateway').directory.key(hash, waitUntilOf(c));
  // Of strangers nothing is kept.
  if (principal) hashes.set(header, hash);
  const admitted = principal && valid(c, principal);
  if (admitted) return admitted;
  throw new LeptonError('unauthenticated', 'the key is not known here: it is mistyped, revoked or expired');
}

function secretIn(header: string): string {
  const [, secret] = /^Bearer +(\S+)$/i.exec(header) ?? [];
  if (secret) return secret;
  throw new LeptonError('unauthenticated', 'expected the header "Authorization: Bearer <key>", got another form');
}

/** Undefined for one that has expired. */
function valid(c: AppContext, principal: Principal): Principal | undefined {
  const { now, lastUse } = c.get('gateway');
  if (principal.expiresAt !== undefined && principal.expiresAt <= now()) return undefined;
  lastUse.note(principal.keyId, waitUntilOf(c));
  return principal;
}
