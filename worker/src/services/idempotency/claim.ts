/** Claims an `Idempotency-Key` for one run of a call, or tells what became of the run that has it. */
import { and, eq, sql } from 'drizzle-orm';
import type { Gateway } from '../../context.ts';
import { idempotency } from '../../db/schema.ts';

/** So long an answer is kept, counted from its run. */
export const KEEP_MS = 24 * 60 * 60 * 1000;
const MAX_TRIES = 5;

/** What a key stands for: of one API key, for one method and path. */
export interface Slot {
  keyId: string;
  target: string;
  idempotencyKey: string;
}

/** The right to run. A later claim of the same slot has a later `leaseUntil`, so that it tells the two apart. */
export interface Lease extends Slot {
  leaseUntil: number;
}

export type Claim =
  | { kind: 'claimed'; lease: Lease }
  | { kind: 'under way'; bodyDigest: string; leaseUntil: number }
  | { kind: 'answered'; bodyDigest: string; status: number; headers: Record<string, string>; body: string | null };

/**
 * Of several at once exactly one claims it: the primary key decides. A run whose lease is over counts as dead.
 * @throws Error when the slot is claimed and freed by others all the time
 */
export async function claim({ db, now }: Gateway, slot: Slot, bodyDigest: string, leaseMs: number): Promise<Claim> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const at = now();
    const lease = { bodyDigest, leaseUntil: at + leaseMs, expiresAt: at + KEEP_MS };
    const [claimed] = await db
      .insert(idempotency)
      .values({ ...slot, ...lease })
      .onConflictDoUpdate({
        target: [idempotency.keyId, idempotency.target, idempotency.idempotencyKey],
        set: { ...lease, status: null, headers: null, body: null },
        setWhere: sql`idempotency.expires_at <= ${at} OR (idempotency.status IS NULL AND idempotency.lease_until <= ${at})`,
      })
      .returning({ leaseUntil: idempotency.leaseUntil });
    if (claimed) return { kind: 'claimed', lease: { ...slot, ...claimed } };
    const [row] = await db.select().from(idempotency).where(ofSlot(slot));
    // Freed between the two statements.
    if (!row) continue;
    const { status, headers, body, leaseUntil } = row;
    if (status === null) return { kind: 'under way', bodyDigest: row.bodyDigest, leaseUntil };
    return { kind: 'answered', bodyDigest: row.bodyDigest, status, headers: headers ?? {}, body };
  }
  throw new Error(`the idempotency key of ${slot.target} is claimed and freed all the time`);
}

export function ofSlot({ keyId, target, idempotencyKey }: Slot) {
  return and(
    eq(idempotency.keyId, keyId),
    eq(idempotency.target, target),
    eq(idempotency.idempotencyKey, idempotencyKey),
  );
}
