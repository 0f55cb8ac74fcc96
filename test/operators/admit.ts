/** Brings the cases' models into the gateway: each as a version, as plainly as it goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, type LeptonClient } from '@lepton-edge/client';
import type { Datatype, ManifestInput, Tensor, Version } from '@lepton-edge/protocol';
import type { OperatorCase } from './cases.ts';
import { eachOf } from './parallel.ts';

export interface Admitted {
  known: OperatorCase;
  /** Undefined where the upload was refused. */
  version: Version | undefined;
  refusal?: string;
  /** Whether it had to be stated what to try it with. */
  stated: boolean;
}

/** Versions of one model are numbered one after the other: several models take uploads side by side. */
const MODELS = 4;
/** Looking often takes time from the admission itself. */
const POLL_MS_PER_VERSION = 200;
const LONGEST_POLL_MS = 30_000;
/** Of the 8 KB of a manifest that rides along in a header. */
const MAX_STATED_BYTES = 7_000;

/**
 * Uploads every case and waits until all are decided. What refuses generated inputs is uploaded once more with its own
 * stated in the manifest, as its owner would.
 */
export async function admitAll(
  client: LeptonClient,
  cases: readonly OperatorCase[],
  say: (line: string) => void,
): Promise<Admitted[]> {
  const models = Array.from({ length: MODELS }, (_, i) => `operators-${i}`);
  for (const name of models) await client.models.create({ name });
  const first = await eachOf(cases, MODELS, (known) => upload(client, models, known, false));
  const decided = await untilDecided(client, models, first, say);
  const refusing = decided.filter(({ version }) => refusesInputs(version));
  say(`${refusing.length} refuse generated inputs: uploaded again, with their own stated`);
  const again = await eachOf(refusing, MODELS, ({ known }) => upload(client, models, known, true));
  const better = new Map((await untilDecided(client, models, again, say)).map((item) => [item.known, item]));
  return decided.map((item) => better.get(item.known) ?? item);
}

async function upload(client: LeptonClient, models: string[], known: OperatorCase, stated: boolean): Promise<Admitted> {
  const model = models.shift() as string;
  try {
    const manifest = stated ? { trial: { inputs: trialInputs(known.inputs) } } : undefined;
    return { known, stated, version: await client.versions.upload(model, known.onnx, manifest) };
  } catch (error) {
    if (error instanceof GatewayError && error.status === 422)
      return { known, stated, version: undefined, refusal: error.message };
    throw error;
  } finally {
    models.push(model);
  }
}

async function untilDecided(
  client: LeptonClient,
  models: readonly string[],
  items: readonly Admitted[],
  say: (line: string) => void,
): Promise<Admitted[]> {
  for (;;) {
    const versions = new Map<string, Version>();
    for (const model of models) {
      for await (const version of client.versions.all(model, { limit: 100 })) versions.set(refOf(version), version);
    }
    const admitting = [...versions.values()].filter(({ state }) => state === 'admitting').length;
    if (admitting === 0) {
      return items.map((item) => (item.version ? { ...item, version: versions.get(refOf(item.version)) } : item));
    }
    say(`${admitting} in admission`);
    await sleep(Math.min(LONGEST_POLL_MS, admitting * POLL_MS_PER_VERSION));
  }
}

export function refOf({ model, version }: Version): string {
  return `${model}@${version}`;
}

function refusesInputs(version: Version | undefined): boolean {
  return version?.admission?.nodeFailure?.kind === 'inputs' || version?.admission?.edgeFailure?.kind === 'inputs';
}

type TrialInputs = NonNullable<ManifestInput['trial']>['inputs'];

/** Shapes, and values where numbers can state them: integers first, since they are what a model is particular about. */
function trialInputs(inputs: readonly Tensor[]): TrialInputs {
  const stated: TrialInputs = Object.fromEntries(inputs.map(({ name, shape }) => [name, { shape }]));
  const byCare = [...inputs].sort((a, b) => Number(isFloat(a.datatype)) - Number(isFloat(b.datatype)));
  for (const { name, shape, datatype, data } of byCare) {
    if (Array.isArray(data) || datatype === 'FP16' || datatype === 'BF16') continue;
    const values = Array.from<number | bigint, number>(data, Number);
    const more = { ...stated, [name]: { shape, values } };
    if (values.every(Number.isFinite) && JSON.stringify(more).length < MAX_STATED_BYTES) Object.assign(stated, more);
  }
  return stated;
}

function isFloat(datatype: Datatype): boolean {
  return datatype.startsWith('FP');
}
