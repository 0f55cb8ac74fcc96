/** The digest of a version: SHA-256 over the canonical JSON (RFC 8785) of what changes its answers. */
import type { Manifest } from '@lepton-edge/protocol';
import canonicalize from 'canonicalize';
import { sha256Hex, wellFormed } from '../../digest.ts';

/** Halves of surrogate pairs count as U+FFFD. */
export async function versionDigest(manifest: Manifest): Promise<string> {
  const { format, files, inputs, outputs, tokenizer, embedding, preprocessing, labels } = manifest;
  const identity = {
    format,
    files: files.map(({ path, digest }) => ({ path, digest })),
    inputs,
    outputs,
    tokenizer,
    embedding,
    preprocessing,
    labels,
  };
  const text = canonicalize(JSON.parse(JSON.stringify(identity), wellFormed));
  return `sha256:${await sha256Hex(new TextEncoder().encode(text))}`;
}
