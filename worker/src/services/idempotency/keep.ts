/** Ends a run under an `Idempotency-Key`: its answer is kept, or the key is free again. */
import type { ErrorCode } from '@lepton-edge/protocol';
import { and, eq, isNull } from 'drizzle-orm';
import type { Gateway } from '../../context.ts';
import { idempotency } from '../../db/schema.ts';
import { KEEP_MS, type Lease, ofSlot } from './claim.ts';

/** A row of D1 holds 2 MB. Of a longer answer only its status and headers are kept. */
const MAX_BODY_CHARS = 500_000;

/** Refusals that the same call would meet again. Others end by waiting, or by doing first what they ask for. */
const KEPT_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid_request',
  'invalid_json',
  'missing_scope',
  'model_not_found',
  'version_not_found',
  'alias_not_found',
  'team_not_found',
  'upload_not_found',
  'name_taken',
  'model_invalid',
  'digest_mismatch',
]);

/** Whether a repeat gets this answer again. @param code that of a refusal */
export function isKept(status: number, code: unknown): boolean {
  return status < 300 || (typeof code === 'string' && KEPT_CODES.has(code));
}

export interface KeptAnswer {
  status: number;
  headers: Record<string, string>;
  /** Undefined where it must not be stored: it has a secret in it. */
  body: string | undefined;
  /** As far as only the run could tell it. */
  bodyDigest?: string | undefined;
}

/** Does nothing when the lease was lost to another run meanwhile. */
export async function keepAnswer({ db, now }: Gateway, lease: Lease, answer: KeptAnswer): Promise<void> {
  const { status, headers, body, bodyDigest } = answer;
  const stored = body !== undefined && body.length <= MAX_BODY_CHARS ? body : null;
  await db
    .update(idempotency)
    .set({ status, headers, body: stored, expiresAt: now() + KEEP_MS, ...(bodyDigest ? { bodyDigest } : {}) })
    .where(held(lease));
}

/** The next call with this key runs. */
export async function freeKey({ db }: Gateway, lease: Lease): Promise<void> {
  await db.delete(idempotency).where(held(lease));
}

function held(lease: Lease) {
  return and(ofSlot(lease), eq(idempotency.leaseUntil, lease.leaseUntil), isNull(idempotency.status));
}
