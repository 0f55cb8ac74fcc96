/** The chain of hashes over the audit log: every entry's hash covers what it says and the hash of the one before. */
import { LeptonError } from '@lepton-edge/protocol';
import canonicalize from 'canonicalize';
import { sha256Hex, wellFormed } from '../../digest.ts';

/** Where the sealed part of the log ends. Kept outside the database, so that a tail cut off is missed. */
export interface AuditHead {
  seq: number;
  hash: string;
}

/** A row of the log as it stands in the database. */
export interface ChainRow {
  seq: number;
  at: number;
  actor: string;
  teamId: string;
  action: string;
  subject: string;
  model: string | null;
  /** JSON, as text: what is no longer JSON must be told from what is. */
  detail: string;
  hash: string | null;
}

/**
 * SHA-256, in hexadecimal, over the RFC 8785 JSON of `{previous, seq, at, actor, teamId, action, subject, model, detail}`.
 * @param previous the hash of the entry before, empty for the first
 * @throws LeptonError `audit_broken` when the detail is not JSON
 */
export async function hashOf(previous: string, row: ChainRow): Promise<string> {
  const { seq, at, actor, teamId, action, subject, model } = row;
  let text: string | undefined;
  try {
    const detail: unknown = JSON.parse(row.detail, wellFormed);
    text = canonicalize({ previous, seq, at, actor, teamId, action, subject, model, detail });
  } catch {
    throw broken(`entry ${row.seq} was changed: its detail is no longer JSON`);
  }
  return await sha256Hex(new TextEncoder().encode(text));
}

/**
 * Hashes rows in their order onto the chain's end.
 * @returns the rows' hashes
 * @throws LeptonError `audit_broken` when a row already has another hash than it must
 */
export async function extendChain(end: AuditHead | undefined, rows: readonly ChainRow[]): Promise<AuditHead[]> {
  const hashes: AuditHead[] = [];
  let before = end;
  for (const row of rows) {
    const hash = await hashOf(before?.hash ?? '', row);
    // It has one when an earlier sealing ended between its two writes.
    if (row.hash !== null && row.hash !== hash) throw mismatch(before, row);
    before = { seq: row.seq, hash };
    hashes.push(before);
  }
  return hashes;
}

/**
 * Checks that sealed rows continue the chain.
 * @returns the chain's end after them
 * @throws LeptonError `audit_broken` naming the first row that does not
 */
export async function checkChain(
  end: AuditHead | undefined,
  rows: readonly ChainRow[],
): Promise<AuditHead | undefined> {
  let before = end;
  for (const row of rows) {
    const hash = await hashOf(before?.hash ?? '', row);
    if (row.hash !== hash) throw mismatch(before, row);
    before = { seq: row.seq, hash };
  }
  return before;
}

/** Checks that the chain ends where it was sealed. @throws LeptonError `audit_broken` */
export function checkEnd(end: AuditHead | undefined, head: AuditHead): void {
  if (end?.seq === head.seq && end.hash === head.hash) return;
  const last = end?.seq ?? 0;
  if (last < head.seq) throw broken(`${missing(last + 1, head.seq)}: the end of the log was cut off`);
  throw broken(`entry ${head.seq} is not the one that was sealed: the log was written anew`);
}

export function broken(what: string): LeptonError {
  return new LeptonError('audit_broken', `the audit log is not as it was sealed: ${what}; compare it with a backup`);
}

function mismatch(before: AuditHead | undefined, row: ChainRow): LeptonError {
  const expected = (before?.seq ?? 0) + 1;
  if (row.hash === null) return broken(`entry ${row.seq} was inserted later or has lost its hash`);
  if (row.seq > expected) return broken(missing(expected, row.seq - 1));
  return broken(`entry ${row.seq} was changed`);
}

function missing(first: number, last: number): string {
  return first === last ? `entry ${first} is missing` : `entries ${first} to ${last} are missing`;
}
