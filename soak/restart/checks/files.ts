/** Checks over HTTP that what was stored reads back byte for byte, and that what is ready answers. */
import { createHash } from 'node:crypto';
import { GatewayError, type LeptonClient } from '@lepton-edge/client';
import type { Version } from '@lepton-edge/protocol';
import type { FileRecord, Journal } from '../journal.ts';

/** What was checked before is not checked again until the end. */
export class Checked {
  readonly files = new Set<string>();
  readonly versions = new Set<string>();
}

/** Every file of every version, every file that a completed upload left, and every open upload's parts. */
export async function checkFiles(client: LeptonClient, journal: Journal, checked: Checked): Promise<void> {
  const inVersions = new Set(journal.living().flatMap(({ versions }) => versions.flatMap(digestsOf)));
  for (const digest of inVersions) {
    if (checked.files.has(digest)) continue;
    checked.files.add(digest);
    if (!(await reads(client, digest))) journal.violate(`${digest}, which a version has, does not read back`);
  }
  for (const file of [...journal.files.values()]) {
    if (inVersions.has(file.digest)) continue;
    if (journal.mustBeStored(file)) await checkStored(client, journal, file);
    else if (journal.mustBeOpen(file)) await checkOpen(client, journal, file);
    else if (file.storedAt !== undefined && Date.now() > file.storedAt + 2 * journal.limits.graceMs) {
      journal.files.delete(file.digest);
    }
  }
}

function digestsOf({ files }: { files: { digest: string }[] }): string[] {
  return files.map(({ digest }) => digest);
}

async function checkStored(client: LeptonClient, journal: Journal, file: FileRecord): Promise<void> {
  const fine = await reads(client, file.digest);
  if (!fine && journal.mustBeStored(file)) journal.violate(`${file.digest} was completed and does not read back`);
}

/** The whole of it, by its digest. */
async function reads(client: LeptonClient, digest: string): Promise<boolean> {
  try {
    const response = await client.blobs.get(digest);
    const hash = createHash('sha256').update(new Uint8Array(await response.arrayBuffer()));
    return `sha256:${hash.digest('hex')}` === digest;
  } catch (error) {
    if (error instanceof GatewayError && error.status === 404) return false;
    throw error;
  }
}

async function checkOpen(client: LeptonClient, journal: Journal, file: FileRecord): Promise<void> {
  const { upload, parts } = file;
  if (upload === undefined) return;
  try {
    const { received, state } = await client.uploads.get(upload);
    const missing = state === 'done' ? [] : [...parts.keys()].filter((part) => !received.includes(part));
    if (missing.length > 0) journal.violate(`upload ${upload} lacks the parts ${missing}, which were acknowledged`);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.status !== 404) throw error;
    if (journal.mustBeOpen(file)) journal.violate(`upload ${upload} has acknowledged parts and is gone`);
  }
}

/** Versions that are ready and were not asked before. @returns how many are still in admission */
export async function checkAnswers(client: LeptonClient, journal: Journal, checked: Checked): Promise<number> {
  let admitting = 0;
  for (const { name } of journal.living()) {
    for await (const version of client.versions.all(name)) {
      const label = `${name}@${version.version}`;
      if (version.state === 'admitting') admitting++;
      if (version.state === 'rejected') journal.violate(`${label} was rejected: ${version.reason}`);
      if (version.state !== 'ready' || checked.versions.has(label)) continue;
      checked.versions.add(label);
      const fault = await faultOf(client, label, version);
      if (fault !== undefined) journal.violate(`${label} is ready and does not answer: ${fault}`);
    }
  }
  return admitting;
}

async function faultOf(client: LeptonClient, label: string, { version }: Version): Promise<string | undefined> {
  try {
    const x = { name: 'x', datatype: 'FP32' as const, shape: [2], data: Float32Array.of(version, 0.5) };
    const { data } = (await client.infer(label, [x])).output('y');
    return String(data) === String([-version, -0.5]) ? undefined : `y is ${data}`;
  } catch (error) {
    return String(error);
  }
}
