/** What a key may use, and what it has used. */
import { z } from 'zod';

/** Larger ones are no limits, and would not be exact. */
const Limit = z.number().int().min(1).max(1e12).nullish();

/** The whole quota: what is absent or `null` has no limit. */
export const PutQuotaInput = z.strictObject({
  /** Requests to `…/infer` and `/v1/embeddings` in any 60 s. */
  requestsPerMinute: Limit,
  /** How many of them may be under way at a time. */
  concurrentRequests: Limit,
  /** Elements of the input tensors, tokens of embeddings; of what is computed, not of what is remembered. */
  computeUnitsPerMinute: Limit,
});
export type PutQuotaInput = z.input<typeof PutQuotaInput>;

/** A limit that is `null` is none. */
export const Quota = z.object({
  requestsPerMinute: z.number().int().nullable(),
  concurrentRequests: z.number().int().nullable(),
  computeUnitsPerMinute: z.number().int().nullable(),
});
export type Quota = z.infer<typeof Quota>;

const UtcDate = z.iso.date();

export const UsageQuery = z.object({
  /** The first day, UTC; by default the day 29 days before `to`. */
  from: UtcDate.optional(),
  /** The last day, UTC, which counts; by default today. */
  to: UtcDate.optional(),
});
export type UsageQuery = z.input<typeof UsageQuery>;

export const DayUsage = z.object({
  /** `2027-01-31`, UTC. */
  date: z.string(),
  requests: z.number().int(),
  /** Answered 429 or 413 because of the quota; in no other number. */
  refused: z.number().int(),
  computeUnits: z.number().int(),
});
export type DayUsage = z.infer<typeof DayUsage>;

export const Usage = z.object({
  key: z.string(),
  from: z.string(),
  to: z.string(),
  /** Every day from `from` to `to`. */
  days: z.array(DayUsage),
});
export type Usage = z.infer<typeof Usage>;
