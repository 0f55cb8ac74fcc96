/** The model that most rows are measured with: of 100 numbers to 100, so that a call in JSON has 1 KB and its answer 2 KB. */
import type { LeptonClient } from '@lepton-edge/client';
import { encodeBinaryRequest, HEADER_LENGTH, type ManifestInput } from '@lepton-edge/protocol';
import { matrixModel } from '../soak/support/matrix-model.ts';
import type { Bench } from './bench.ts';
import type { Call } from './raw-connection.ts';

export const UNCACHED: ManifestInput = { placement: { policy: 'edge' }, cache: { ttlSeconds: 0 } };

const WIDTH = 100;
const DIGITS = 7;

/** One version, ready. @param seed versions of other seeds answer otherwise */
export async function publishMatrix(
  client: LeptonClient,
  name: string,
  { seed = 1, layers = 1, manifest = {} }: { seed?: number; layers?: number; manifest?: ManifestInput } = {},
): Promise<number> {
  const { version } = await client.versions.upload(name, matrixModel(WIDTH, layers, seed), manifest);
  await client.versions.waitReady(name, version);
  return version;
}

/** A model of that name with one version. */
export async function createMatrix(client: LeptonClient, name: string, manifest?: ManifestInput): Promise<void> {
  await client.models.create({ name });
  await publishMatrix(client, name, manifest && { manifest });
}

/** @param seed calls of other seeds have other inputs */
export function matrixCall(ref: string, key: string, seed = 1): Call {
  const data = Array.from(numbersOf(seed), (value) => Number(value.toFixed(DIGITS)));
  return {
    path: `/v2/models/${ref}/infer`,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, WIDTH], data }] }),
  };
}

/** The same in binary, and for an answer in binary. */
export function matrixBinaryCall(ref: string, key: string, seed = 1): Call {
  const { bytes, headerLength } = encodeBinaryRequest({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, WIDTH], data: numbersOf(seed) }],
    outputs: [{ name: 'y' }],
  });
  const type = { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(headerLength) };
  return { path: `/v2/models/${ref}/infer`, headers: { authorization: `Bearer ${key}`, ...type }, body: bytes };
}

export interface StoredMatrix {
  /** Of a gateway that has ended. */
  home: string;
  /** Of the gateway. */
  call: Call;
  /** The same of `/bare` (`workers/bare-run.ts`): the input's bytes alone. */
  bareCall: Call;
}

/** A home that holds the model, for the edge. */
export async function storeMatrix(bench: Bench): Promise<StoredMatrix> {
  const gateway = await bench.gateway('gateway');
  const client = gateway.client();
  await createMatrix(client, 'matrix', UNCACHED);
  const { manifest } = await client.versions.get('matrix', 1);
  await gateway.stop();
  const headers = { 'x-bench-digest': manifest.files[0]?.digest ?? '' };
  const body = new Uint8Array(numbersOf(1).buffer);
  return { home: gateway.home, call: matrixCall('matrix', gateway.key), bareCall: { path: '/bare', headers, body } };
}

function numbersOf(seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: WIDTH }, (_, i) => Number(Math.cos(i * seed + seed).toFixed(DIGITS)));
}
