/** One caller who sends a large body and stops does not keep others out. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { call } from './support/api.ts';

const SIZE = 16 * 1024 * 1024 - 64;

it('a body that stops on its way gives way to others', async () => {
  const headers = { authorization: `Bearer ${inject('adminKey')}`, 'content-length': SIZE };
  const stalled = request(`${inject('gatewayUrl')}/v2/models/digits/infer`, { method: 'POST', headers });
  const answer = new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    stalled.on('error', reject);
    stalled.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, text });
    });
  });
  stalled.write(new Uint8Array(SIZE - 1).fill(0x20));
  const other = async () => {
    const body = new Uint8Array(1024 * 1024).fill(0x20);
    return (await call('POST', '/v2/models/digits/infer', { body })).status;
  };
  let status = await other();
  while (status !== 429) {
    await sleep(50);
    status = await other();
  }
  // The one that has its place is what the model refuses: it is no request.
  while (status === 429) {
    await sleep(500);
    status = await other();
  }
  expect(status).toBe(400);
  const { status: timeout, text } = await answer;
  expect([timeout, JSON.parse(text).error]).toEqual([
    408,
    expect.stringMatching(/still coming after \d+ s and gave way/),
  ]);
});
