/** How long an answer is of use: the gateway answers in time, and tells a node how much of it is left, whose the request is, and how urgent. */
import type { IncomingHttpHeaders } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { call, newModel, uploadReady } from './support/api.ts';
import { readyNode } from './support/hand-made-node.ts';
import { tinyModel } from './support/tiny-model.ts';

const x = (...data: number[]) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length], data }] });
const late = { status: 504, body: { code: 'deadline_exceeded' } };

let owner: Awaited<ReturnType<typeof newModel>>;
const infer = (body: unknown, headers: Record<string, string> = {}, version = 1) =>
  call('POST', `/v2/models/${owner.name}@${version}/infer`, { key: owner.secret, body, headers });

beforeAll(async () => {
  owner = await newModel();
  await uploadReady(owner.client, owner.name, tinyModel(owner.name));
  const moon = { placement: { policy: 'node' as const, regions: ['moon'] } };
  await uploadReady(owner.client, owner.name, tinyModel(owner.name), moon);
});

describe('a deadline', () => {
  it('that is met changes nothing, and what is remembered is answered whatever it is', async () => {
    const headers = { 'x-lepton-timeout-ms': '60000', 'x-lepton-priority': '1' };
    for (const place of ['edge', 'node']) {
      expect((await infer(x(1, 2), { ...headers, 'x-lepton-place': place })).body).toMatchObject({
        outputs: [{ data: [-1, -2] }],
      });
    }
    await infer(x(3), headers);
    const hit = await infer({ ...x(3), parameters: { timeout: 1, priority: 3 } });
    expect([hit.status, hit.headers.get('x-lepton-cache')]).toEqual([200, 'hit']);
    // A microsecond is over before anything could run.
    expect(await infer({ ...x(4), parameters: { timeout: 1 } })).toMatchObject(late);
  });

  it('or a priority that is none is refused, in the form of the route', async () => {
    for (const [body, headers, sentence] of [
      [x(1), { 'x-lepton-timeout-ms': '0' }, 'x-lepton-timeout-ms: expected a whole number of milliseconds'],
      [x(1), { 'x-lepton-priority': 'high' }, 'x-lepton-priority: expected 1 (high), 2 (normal), 3 (low)'],
      [{ ...x(1), parameters: { timeout: '5 s' } }, {}, 'the parameter "timeout"'],
      [{ ...x(1), parameters: { priority: 4 } }, {}, 'the parameter "priority"'],
    ] as const) {
      const { status, body: refusal } = await infer(body, headers);
      expect({ status, ...refusal }).toMatchObject({ status: 400, error: expect.stringContaining(sentence) });
    }
    const embed = { model: 'use-lite', input: 'a text' };
    const headers = { 'x-lepton-timeout-ms': 'soon' };
    const refusal = await call('POST', '/v1/embeddings', { body: embed, headers });
    expect(refusal).toMatchObject({ status: 400, body: { error: { code: 'invalid_request' } } });
  });
});

describe('a node that does not answer', () => {
  it('is told what is left of the time, waited for no longer, and not asked again', async () => {
    const came: IncomingHttpHeaders[] = [];
    const left = Promise.withResolvers<void>();
    const { leave } = await readyNode('moon', (request, response) => {
      came.push(request.headers);
      request.resume();
      response.once('close', left.resolve);
    });
    try {
      const ask = () =>
        infer(
          { ...x(1), parameters: { timeout: 60_000_000, priority: 3 } },
          { 'x-lepton-timeout-ms': '700', 'x-lepton-priority': '1' },
          2,
        );
      let answer = await ask();
      // Until this isolate knows the node.
      while (answer.status === 503) answer = await ask();
      expect(answer).toMatchObject(late);
      expect(answer.body.error).toContain('the 700 ms in which');
      await left.promise;
      expect(came).toHaveLength(1);
      expect(came[0]).toMatchObject({ 'x-lepton-priority': '1', 'x-lepton-tenant': owner.team });
      const toldMs = Number(came[0]?.['x-lepton-timeout-ms']);
      expect(toldMs).toBeGreaterThan(0);
      expect(toldMs).toBeLessThanOrEqual(700);
    } finally {
      await leave();
    }
  });
});
