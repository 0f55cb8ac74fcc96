/** Writes versions: of one request's body, or of files that were uploaded before. */
import { createHash } from 'node:crypto';
import type { ManifestInput, Version } from '@lepton-edge/protocol';
import { tinyModel } from '../../../test/support/tiny-model.ts';
import type { Answered, Journal, ModelRecord, VersionTry } from '../journal.ts';
import { fresh, happens, oneOf } from '../random.ts';
import type { Writer } from './writer.ts';

/** Most are tried at the edge alone: a trial on a node takes a process of its own. */
const NODE_SHARE = 0.15;

export const writeVersion: Writer = async ({ client, journal }) => {
  const model = oneOf(journal.living());
  if (!model) return;
  const onnx = tinyModel(fresh('one'));
  const main = digestOf(onnx);
  const made: VersionTry = { main, files: [{ path: 'model.onnx', digest: main }], version: undefined };
  const answered = await journal.attempt('version of a body', ['model_not_found'], () =>
    client.versions.upload(model.name, onnx, somewhere()),
  );
  recordVersion(journal, model, made, answered);
};

export function recordVersion(journal: Journal, model: ModelRecord, made: VersionTry, answered: Answered<Version>) {
  if (answered.ok) {
    made.version = answered.value.version;
    journal.expectAudit(`version.create ${model.name}@${made.version}`);
  }
  if (answered.ok || answered.inDoubt) model.versions.push(made);
}

export function somewhere(): ManifestInput {
  return { placement: { policy: happens(NODE_SHARE) ? 'auto' : 'edge' } };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
