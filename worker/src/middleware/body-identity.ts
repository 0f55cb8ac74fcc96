/** What tells whether two calls with one `Idempotency-Key` have the same body; of a streamed one nothing is held. */
import { digestOfStream } from '../artifacts/store.ts';
import { sha256Hex } from '../digest.ts';
import type { AppContext } from '../http/app-env.ts';
import { contentLength } from '../http/collect.ts';

export interface RawBody {
  /** Whether this call's body is streamed. */
  applies(c: AppContext): boolean;
  /** A longer body is no repeat of one that was taken. */
  maxBytes: number;
  /** What else belongs to what is asked for. */
  headers: readonly string[];
  /** The header by which the caller may state the digest. */
  digestHeader: string;
  /** The body's digest, as the answer tells it. */
  digestOf(answer: Record<string, unknown>): string | undefined;
}

export interface BodyIdentity {
  isRaw: boolean;
  /** As it is stored before the run. */
  text: string;
  /** As it is stored after the run. */
  learn(answer: Record<string, unknown>): string;
  /** Whether a first body, as stored, was this one. @param settled the first run is over, so that its digest is known */
  isSame(first: string, settled: boolean): Promise<boolean>;
}

/** The digest of a streamed body before it was read, where the caller did not state it. */
const UNKNOWN = '?';

/** A streamed body is not read here; `isSame` reads it, where the first run is over. */
export async function bodyOfCall(c: AppContext, raw: RawBody | undefined): Promise<BodyIdentity> {
  if (raw?.applies(c)) return await rawBody(c, raw);
  const text = `sha256:${await sha256Hex(c.get('body') ?? new Uint8Array())}`;
  return { isRaw: false, text, learn: () => text, isSame: async (first) => first === text };
}

async function rawBody(c: AppContext, raw: RawBody): Promise<BodyIdentity> {
  const stated = c.req.header(raw.digestHeader);
  const headers = JSON.stringify(raw.headers.map((name) => c.req.header(name) ?? null));
  const head = `raw ${await sha256Hex(new TextEncoder().encode(headers))}`;
  return {
    isRaw: true,
    text: `${head} ${stated ?? UNKNOWN}`,
    learn: (answer) => `${head} ${raw.digestOf(answer) ?? stated ?? UNKNOWN}`,
    async isSame(first, settled) {
      const digest = first.slice(head.length + 1);
      if (!first.startsWith(`${head} `)) return false;
      if (stated !== undefined && digest !== UNKNOWN && stated !== digest) return false;
      if (!settled) return true;
      const { body } = c.req.raw;
      const length = contentLength(c.req.raw);
      if (!body || length === undefined || length > raw.maxBytes) return false;
      // Of a body that breaks off there is nobody left to be answered.
      return (await digestOfStream(body).catch(() => undefined)) === digest;
    },
  };
}
