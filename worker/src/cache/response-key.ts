/** The name under which an answer is remembered: equal for equal questions, whatever encoding they came in. */
import type { Tensor } from '@lepton-edge/protocol';
import { sha256Hex } from '../digest.ts';

export interface ResponseKeyParts {
  /** Who shares the answer: a team's id, or a model's id where the model says so. */
  scope: string;
  versionDigest: string;
  /** The outputs asked for, in order. */
  outputs: readonly string[];
  inputs: readonly Tensor[];
}

const encoder = new TextEncoder();

/** SHA-256 over scope, version, outputs and canonical inputs (sorted by name, framed by length), in hexadecimal. */
export async function responseKey(parts: ResponseKeyParts): Promise<string> {
  const inputs = [...parts.inputs].sort((a, b) => (a.name < b.name ? -1 : 1));
  const chunks = inputs.flatMap(tensorChunks);
  const header = encoder.encode(
    JSON.stringify([
      parts.scope,
      parts.versionDigest,
      parts.outputs,
      inputs.map((input) => [input.name, input.datatype, input.shape, elementLengths(input)]),
    ]),
  );
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, header.byteLength));
  bytes.set(header);
  let at = header.byteLength;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return await sha256Hex(bytes);
}

function tensorChunks({ data }: Tensor): Uint8Array[] {
  return Array.isArray(data) ? data : [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/** The lengths of BYTES elements: without them two different splits of the same bytes would be one question. */
function elementLengths({ data }: Tensor): number[] {
  return Array.isArray(data) ? data.map((element) => element.byteLength) : [];
}
