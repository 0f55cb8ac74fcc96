import {
  decodeInferBody,
  encodeBinaryRequest,
  encodeInferAnswer,
  encodeInferRequest,
  type InferRequest,
  LeptonError,
  type Tensor,
} from '@lepton-edge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Repeats } from '../cache/repeats.ts';
import { ResponseCache } from '../cache/response-cache.ts';
import { responseKey } from '../cache/response-key.ts';
import type { Gateway } from '../context.ts';
import { inferBytes } from './infer-bytes.ts';
import { Timings } from './timings.ts';

const spec = (name: string) => ({ name, datatype: 'FP32' as const, shape: [-1] });
const fp32 = (name: string, ...data: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [data.length],
  data: new Float32Array(data),
});
const manifest = {
  inputs: [spec('x')],
  outputs: [spec('y'), spec('z')],
  cache: { ttlSeconds: 60, scope: 'team' },
  stateful: false,
};
const version = { model: 'm', version: 1, state: 'ready', digest: 'sha256:1', manifest, deterministic: true };

/** A gateway whose response cache is all it has: what is not there cannot be answered. */
function newGateway() {
  const responses = new ResponseCache();
  const counts: object[] = [];
  const target = { current: { model: { id: 'mdl' }, version } };
  const gateway = {
    random: () => 0,
    now: Date.now,
    directory: { fresh: () => target.current },
    metrics: { count: (...[, , counted]: [string, number, object]) => counts.push(counted) },
    edge: {
      checkRoom: (team: string, costMs: number) => {
        throw new LeptonError('overloaded', `${team} ${costMs}`);
      },
    },
    responses,
    repeats: new Repeats(responses),
  } as unknown as Gateway;
  const know = async (input: Tensor, outputs: Tensor[], { team = 'team', digest = 'sha256:1' } = {}) => {
    const names = outputs.map(({ name }) => name);
    responses.put(await responseKey({ scope: team, versionDigest: digest, outputs: names, inputs: [input] }), {
      outputs,
      storedAt: Date.now(),
    });
  };
  let decoded = 0;
  const ask = async ({ bytes, headerLength }: Wire, team = 'team') => {
    const { sent, cache } = await inferBytes(gateway, {
      principal: { teamId: team },
      timings: new Timings(),
      waitUntil: () => undefined,
      bytes,
      directives: {},
      format: String(headerLength),
      decode: () => {
        decoded++;
        return decodeInferBody(bytes, headerLength);
      },
      encode: async (made: { outputs: readonly Tensor[] }, request: InferRequest) => {
        const outputs = made.outputs as Tensor[];
        const { contentType, body } = encodeInferAnswer(request, { modelName: 'm', id: request.id, outputs });
        return { body, headers: new Headers({ 'content-type': contentType }) };
      },
    } as never);
    return { cache, body: sent.body, headers: [...sent.headers] };
  };
  return { know, ask, target, counts, decodings: () => decoded };
}

interface Wire {
  bytes: Uint8Array<ArrayBuffer>;
  headerLength: string | undefined;
}

function wireOf(request: InferRequest, isBinary: boolean): Wire {
  if (!isBinary) return { bytes: new TextEncoder().encode(encodeInferRequest(request)), headerLength: undefined };
  const { bytes, headerLength } = encodeBinaryRequest(request);
  return { bytes, headerLength: String(headerLength) };
}

describe('bytes that came before', () => {
  const call = fc.record({
    id: fc.option(fc.string({ maxLength: 8 }), { nil: undefined }),
    data: fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 3 }),
    outputs: fc.option(
      fc.uniqueArray(fc.record({ name: fc.constantFrom('y', 'z'), binary: fc.boolean() }), {
        selector: ({ name }) => name,
        minLength: 1,
      }),
      { nil: undefined },
    ),
    isBinary: fc.boolean(),
  });

  it('are answered as they were, and so is every other request between them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 2, maxLength: 4 }), async (calls) => {
        const gateway = newGateway();
        const asked = calls.map(({ id, data, outputs, isBinary }) => {
          const input = fp32('x', ...data);
          const names = outputs?.map(({ name, binary }) => ({ name, parameters: { binary_data: binary } }));
          return { input, wire: wireOf({ id, inputs: [input], outputs: names }, isBinary), names };
        });
        for (const { input, names } of asked) {
          const [sum = 0] = input.data as Float32Array;
          await gateway.know(
            input,
            (names ?? manifest.outputs).map(({ name }) => fp32(name, sum, name === 'y' ? 1 : 2)),
          );
        }
        const first = [];
        for (const { wire } of asked) first.push(await gateway.ask(wire));
        const decoded = gateway.decodings();
        for (const [i, { wire }] of asked.entries()) expect(await gateway.ask(wire)).toEqual(first[i]);
        expect(gateway.decodings()).toBe(decoded);
      }),
      { numRuns: 100 },
    );
  });

  it('are asked anew of another team, another version, or when the cache has another answer', async () => {
    const { know, ask, target, decodings } = newGateway();
    const input = fp32('x', 1);
    const wire = wireOf({ inputs: [input], outputs: [{ name: 'y' }] }, false);
    const textOf = async (team?: string) => String((await ask(wire, team)).body);
    await know(input, [fp32('y', 1)]);
    await know(input, [fp32('y', 2)], { team: 'other' });
    await know(input, [fp32('y', 3)], { digest: 'sha256:2' });
    expect([await textOf(), await textOf(), await textOf('other')].map((text) => text.includes('[1]}'))).toEqual([
      true,
      true,
      false,
    ]);
    expect(decodings()).toBe(2);
    await know(input, [fp32('y', 4)]);
    expect(await textOf()).toContain('"data":[4]');
    target.current = { ...target.current, version: { ...version, digest: 'sha256:2' } };
    expect(await textOf()).toContain('"data":[3]');
    target.current = { ...target.current, version: { ...version, state: 'archived' } };
    await expect(ask(wire)).rejects.toMatchObject({ code: 'version_not_found' });
  });
});

it('what only the edge could compute, and has no room for, is refused before anything is made of its bytes', async () => {
  const { ask, target, counts, decodings } = newGateway();
  const edgeTried = { runMs: 8, loadMs: 1, perItemMs: { 8: 2 }, elements: 1, growth: undefined, branches: false };
  const uncached = { ...manifest, cache: { ttlSeconds: 0, scope: 'team' }, placement: { policy: 'edge' } };
  const busy = { ...version, edgeTried, edgeBatchSize: 8, manifest: uncached };
  target.current = { model: { id: 'mdl' }, version: busy };
  const refused = (message: string) => expect.objectContaining({ code: 'overloaded', message });
  const { bytes, headerLength } = encodeBinaryRequest({ inputs: [fp32('x', 1)] });
  await expect(ask({ bytes, headerLength })).rejects.toEqual(refused('team 2'));
  target.current = { model: { id: 'mdl' }, version: { ...busy, edgeBatchSize: 1 } as never };
  await expect(ask({ bytes, headerLength }, 'other')).rejects.toEqual(refused('other 8'));
  expect([decodings(), counts]).toEqual([0, Array(2).fill({ fail: { count: 1, ms: 0 } })]);
});
