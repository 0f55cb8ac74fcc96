/** Resumable uploads of single files, in parts. */
import { z } from 'zod';
import { Digest } from './names.ts';

export const MAX_FILE_BYTES = 5 * 1024 ** 3;
/** Every part but the last is exactly this long. */
export const PART_BYTES = 16 * 1024 ** 2;

export const CreateUploadInput = z.strictObject({
  sizeBytes: z.number().int().min(1).max(MAX_FILE_BYTES),
  digest: Digest,
  /** For people: what the file was called. */
  filename: z.string().min(1).max(255).optional(),
});
export type CreateUploadInput = z.input<typeof CreateUploadInput>;

export const Upload = z.object({
  id: z.string(),
  digest: Digest,
  sizeBytes: z.number().int(),
  filename: z.string().optional(),
  /** `open`: parts may come; `verifying`: all came, the digest is being computed; `done`: the file is stored. */
  state: z.enum(['open', 'verifying', 'done']),
  partSizeBytes: z.number().int(),
  partCount: z.number().int(),
  /** Numbers of the parts that are stored, from 1, in order. */
  received: z.array(z.number().int()),
  createdAt: z.string(),
  expiresAt: z.string(),
});
export type Upload = z.infer<typeof Upload>;

/** The digest is stored and the caller may use it: nothing is to be sent. */
export const UploadExists = z.object({ exists: z.literal(true), digest: Digest, sizeBytes: z.number().int() });
export type UploadExists = z.infer<typeof UploadExists>;

export const UploadedPart = z.object({ part: z.number().int(), sizeBytes: z.number().int() });
export type UploadedPart = z.infer<typeof UploadedPart>;

export const StoredFile = z.object({ digest: Digest, sizeBytes: z.number().int() });
export type StoredFile = z.infer<typeof StoredFile>;

/** How many bytes part `k` (from 1) of a file has. */
export function partLength(sizeBytes: number, k: number): number {
  return Math.min(PART_BYTES, sizeBytes - (k - 1) * PART_BYTES);
}

/** Into how many parts a file is cut. */
export function partCountOf(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PART_BYTES);
}
