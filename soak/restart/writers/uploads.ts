/** Uploads files in parts, goes on with what was cut, gives some up, and makes versions of the others. */
import { randomFillSync } from 'node:crypto';
import { PART_BYTES, partCountOf, partLength } from '@lepton-edge/protocol';
import { tinyModel } from '../../../test/support/tiny-model.ts';
import type { FileRecord, Journal, VersionTry } from '../journal.ts';
import { below, fresh, happens, oneOf } from '../random.ts';
import { digestOf, recordVersion, somewhere } from './versions.ts';
import type { Writer, WriterContext } from './writer.ts';

const SEVERAL_PARTS_SHARE = 0.04;
const GIVEN_UP_SHARE = 0.1;
const GONE = ['upload_not_found'];

/** A pair of files on its way to a version. */
interface Pair {
  model: FileRecord;
  data: FileRecord;
}

/** @returns a writer that remembers what it was at, over every death of the gateway */
export function newUploader(): Writer {
  let pair: Pair | undefined;
  return async (context) => {
    const { client, journal } = context;
    pair ??= newPair(journal);
    for (const file of [pair.model, pair.data]) {
      if (file.storedAt === undefined && !(await send(context, file))) return;
    }
    const { model, data } = pair;
    const target = oneOf(journal.living());
    if (!target) return;
    const files = [
      { path: 'model.onnx', digest: model.digest },
      { path: 'data.txt', digest: data.digest },
    ];
    const made: VersionTry = { main: model.digest, files, version: undefined };
    const answered = await journal.attempt('version of files', ['model_not_found', 'blob_not_found'], () =>
      client.versions.create(target.name, { files, manifest: somewhere() }),
    );
    recordVersion(journal, target, made, answered);
    if (answered.ok || answered.inDoubt) pair = undefined;
    // Collected before a version had them: their time was over.
    else if (answered.code === 'blob_not_found') {
      if (journal.mustBeStored(model) && journal.mustBeStored(data))
        journal.violate(`a stored file of ${target.name} is gone`);
      for (const file of [model, data]) forget(journal, file);
    }
  };
}

function newPair(journal: Journal): Pair {
  const size = happens(SEVERAL_PARTS_SHARE) ? (1 + below(2)) * PART_BYTES + 1 + below(9999) : 1 + below(65_536);
  return {
    model: record(journal, tinyModel(fresh('file'))),
    data: record(journal, randomFillSync(new Uint8Array(size))),
  };
}

function record(journal: Journal, bytes: Uint8Array<ArrayBuffer>): FileRecord {
  const file = { digest: digestOf(bytes), bytes, upload: undefined, parts: new Map(), storedAt: undefined };
  journal.files.set(file.digest, file);
  return file;
}

function forget(journal: Journal, file: FileRecord): void {
  file.parts.clear();
  file.upload = undefined;
  file.storedAt = undefined;
  journal.files.set(file.digest, file);
}

/** @returns whether the file is stored now */
async function send({ client, journal }: WriterContext, file: FileRecord): Promise<boolean> {
  const { digest, bytes } = file;
  const sizeBytes = bytes.byteLength;
  const begun = await journal.attempt('upload begun', [], () => client.uploads.create({ sizeBytes, digest }));
  if (!begun.ok) return false;
  if ('exists' in begun.value) {
    file.storedAt = Date.now();
    return true;
  }
  const { id, received } = begun.value;
  if (file.upload !== id) {
    if (journal.mustBeOpen(file)) journal.violate(`upload ${file.upload} was not gone on with: ${id} was begun`);
    file.parts.clear();
  }
  file.upload = id;
  for (const part of file.parts.keys()) {
    if (!received.includes(part)) journal.violate(`part ${part} of upload ${id} was acknowledged and is not received`);
  }
  for (let part = 1; part <= partCountOf(sizeBytes); part++) {
    if (received.includes(part)) continue;
    const from = (part - 1) * PART_BYTES;
    const slice = bytes.slice(from, from + partLength(sizeBytes, part));
    const sent = await journal.attempt('part', GONE, () => client.uploads.putPart(id, part, slice));
    if (!sent.ok) return false;
    file.parts.set(part, Date.now());
  }
  if (happens(GIVEN_UP_SHARE)) {
    // Whatever comes of it, nothing is said of this upload any more.
    forget(journal, file);
    await journal.attempt('upload given up', GONE, () => client.uploads.delete(id));
    return false;
  }
  const done = await journal.attempt('upload completed', GONE, () => client.uploads.complete(id));
  if (!done.ok) return false;
  file.storedAt = Date.now();
  file.parts.clear();
  journal.expectAudit(`upload.complete blob/${digest} ${id}`);
  return true;
}
