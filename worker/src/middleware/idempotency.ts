/** `Idempotency-Key`: a call that is sent again gets the first answer again, and is not done twice. */
import { LeptonError } from '@lepton-edge/protocol';
import type { MiddlewareHandler, Next } from 'hono';
import { databaseAway } from '../db/database.ts';
import type { AppContext, AppEnv } from '../http/app-env.ts';
import { type Claim, claim, type Lease } from '../services/idempotency/claim.ts';
import { freeKey, isKept, keepAnswer } from '../services/idempotency/keep.ts';
import { type BodyIdentity, bodyOfCall, type RawBody } from './body-identity.ts';

/** Longer than any call takes but those that stream or read a whole file. */
const LEASE_MS = 60_000;
export const LONG_LEASE_MS = 15 * 60_000;
/** A call under way is asked for again after this, or sooner when its lease ends. */
const RETRY_SECONDS = 2;

export interface IdempotencyOptions {
  /** A run that takes longer counts as dead. */
  leaseMs?: number;
  /** The answer has a secret in it: nothing of it is kept but its id. */
  issuesSecret?: boolean;
  /** Calls whose body is streamed. */
  raw?: RawBody & { leaseMs: number };
}

type Answered = Extract<Claim, { kind: 'answered' }>;

/**
 * Stands behind `authenticate` and `readJson`.
 * @throws LeptonError `invalid_request` for a key of another form, `request_in_flight`, `idempotency_mismatch`,
 * `already_issued`
 */
export const idempotent = (options: IdempotencyOptions = {}): MiddlewareHandler<AppEnv> =>
  async function idempotent(c, next) {
    const idempotencyKey = c.req.header('idempotency-key');
    if (idempotencyKey === undefined) return await next();
    if (!/^[\x20-\x7e]{1,255}$/.test(idempotencyKey)) {
      throw new LeptonError('invalid_request', 'Idempotency-Key: expected 1 to 255 printable ASCII characters');
    }
    const gateway = c.get('gateway');
    const slot = { keyId: c.get('principal').keyId, target: `${c.req.method} ${c.req.path}`, idempotencyKey };
    const body = await bodyOfCall(c, options.raw);
    const leaseMs = (body.isRaw ? options.raw?.leaseMs : options.leaseMs) ?? LEASE_MS;
    const claimed = await claim(gateway, slot, body.text, leaseMs);
    if (claimed.kind !== 'claimed') return await repeat(c, claimed, body);
    const run = runAndKeep(c, next, claimed.lease, body, options);
    // Done even when the caller goes away meanwhile: that is whom the kept answer is for.
    c.executionCtx.waitUntil(run.catch(() => undefined));
    await run;
  };

async function runAndKeep(
  c: AppContext,
  next: Next,
  lease: Lease,
  body: BodyIdentity,
  options: IdempotencyOptions,
): Promise<void> {
  await next();
  const gateway = c.get('gateway');
  const { status, headers } = c.res;
  const text = await c.res.clone().text();
  const answer = parse(text);
  // A refused file leaves nothing behind, and may have been damaged on its way.
  // What was sent to a database that did not answer may be done: the key is held as if the run had died.
  if (c.error && databaseAway(c.error)) return;
  if (body.isRaw ? status >= 300 : !isKept(status, answer.code)) return await freeKey(gateway, lease);
  const kept: Record<string, string> = {};
  for (const name of ['content-type', 'location']) {
    const value = headers.get(name);
    if (value !== null) kept[name] = value;
  }
  const isSecret = options.issuesSecret === true && status < 300;
  if (isSecret && typeof answer.id === 'string') kept.issued = answer.id;
  const bodyDigest = body.isRaw ? body.learn(answer) : undefined;
  await keepAnswer(gateway, lease, { status, headers: kept, body: isSecret ? undefined : text, bodyDigest });
}

async function repeat(c: AppContext, first: Exclude<Claim, { kind: 'claimed' }>, body: BodyIdentity) {
  if (!(await body.isSame(first.bodyDigest, first.kind === 'answered'))) {
    throw new LeptonError(
      'idempotency_mismatch',
      'this Idempotency-Key came with another body before: expected the same body again, or a new key for a new call',
    );
  }
  if (first.kind === 'answered') return replay(first);
  const leftMs = first.leaseUntil - c.get('gateway').now();
  throw new LeptonError('request_in_flight', 'the first call with this Idempotency-Key is still being worked on', {
    retryAfterSeconds: Math.max(1, Math.min(RETRY_SECONDS, Math.ceil(leftMs / 1000))),
  });
}

function replay({ status, headers: { issued, ...headers }, body }: Answered): Response {
  if (body !== null) return new Response(body, { status, headers: { ...headers, 'idempotency-replayed': 'true' } });
  const what = issued ?? headers.location ?? 'what it asked for';
  const why = issued
    ? 'its secret was shown then and is not kept'
    : 'its answer was too long to be kept: read it there';
  throw new LeptonError(
    'already_issued',
    `the first call with this Idempotency-Key made ${what}; ${why}. For another one use a new Idempotency-Key`,
    issued ? { errors: [{ path: 'id', message: issued }] } : {},
  );
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
