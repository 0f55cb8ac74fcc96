/** The files beside the model that a manifest points to: that they are there, and can be read as what they are said to be. */
import { LeptonError, type ManifestInput, type TokenizerSpec } from '@lepton-edge/protocol';
import { loadTokenizer } from '@lepton-edge/text';
import { z } from 'zod';
import type { NamedFile } from './static-check.ts';

const MAX_CARD_BYTES = 65_536;
const MAX_LABELS_BYTES = 4 * 1024 * 1024;
/** Above these a tokenizer is taken on trust until it is used: it would not fit into this isolate. */
const MAX_TOKENIZER_BYTES = 4 * 1024 * 1024;
const MAX_TOKENIZER_HEAP_BYTES = 40_000_000;

const Labels = z.array(z.string().max(256)).max(100_000);

/** The card as text, whether it was stated or came as a file. @throws LeptonError `model_invalid` naming the file */
export async function readCard(
  blobs: R2Bucket,
  { card }: Pick<z.output<typeof ManifestInput>, 'card'>,
  files: readonly NamedFile[],
): Promise<string | undefined> {
  if (card === undefined || typeof card === 'string') return card;
  return await text(blobs, named(files, card.path, 'card.path'), MAX_CARD_BYTES);
}

/** @throws LeptonError `model_invalid` naming the file */
export async function checkCompanions(
  blobs: R2Bucket,
  { labels, tokenizer }: Pick<z.output<typeof ManifestInput>, 'labels' | 'tokenizer'>,
  files: readonly NamedFile[],
): Promise<void> {
  if (labels && !Array.isArray(labels)) {
    const file = named(files, labels.path, 'labels.path');
    const hint = 'a JSON array of strings, or one label a line';
    parse(Labels, labelsIn(await text(blobs, file, MAX_LABELS_BYTES)), file, hint);
  }
  if (tokenizer) {
    const file = named(files, tokenizer.path, 'tokenizer.path');
    if (file.sizeBytes > MAX_TOKENIZER_BYTES) return;
    tryTokenizer(await text(blobs, file, MAX_TOKENIZER_BYTES), tokenizer);
  }
}

function tryTokenizer(content: string, spec: TokenizerSpec): void {
  try {
    loadTokenizer(content, spec, { maxHeapBytes: MAX_TOKENIZER_HEAP_BYTES });
  } catch (error) {
    if (!(error instanceof LeptonError) || error.code !== 'no_placement') throw error;
  }
}

function named(files: readonly NamedFile[], path: string, field: string): NamedFile {
  const file = files.find((candidate) => candidate.path === path);
  if (file) return file;
  const came = files.map((candidate) => candidate.path).join(', ');
  throw new LeptonError('model_invalid', `manifest.${field}: "${path}" is not among the files that came (${came})`);
}

/** A JSON array, or a line a label. */
function labelsIn(content: string): unknown {
  return /^\s*[[{]/.test(content) ? json(content) : content.trimEnd().split(/\r?\n/);
}

function json(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

function parse(schema: z.ZodType, value: unknown, file: NamedFile, expected: string): void {
  const parsed = schema.safeParse(value);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  const where = issue && issue.path.length > 0 ? ` at ${issue.path.join('.')}` : '';
  throw new LeptonError('model_invalid', `${file.path}: expected ${expected}; it is not${where}`);
}

async function text(blobs: R2Bucket, file: NamedFile, limit: number): Promise<string> {
  if (file.sizeBytes > limit) {
    throw new LeptonError('model_invalid', `${file.path}: expected at most ${limit} bytes, got ${file.sizeBytes}`);
  }
  const object = await blobs.get(file.key);
  if (!object) throw new LeptonError('unavailable', `${file.path} cannot be read back from storage now`);
  return await object.text();
}
