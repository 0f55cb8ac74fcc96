/** What is sent again, how often, and after which pause. */
import { expect, it } from 'vitest';
import { GatewayError } from './errors.ts';
import { isPassing, pauseBefore, sleep, withRetries } from './retry.ts';

const failing = (status: number, times: number, retryAfterSeconds?: number) => {
  let calls = 0;
  const attempt = async () => {
    calls += 1;
    if (calls <= times) throw new GatewayError('told to fail', { status, retryAfterSeconds });
    return calls;
  };
  return attempt;
};

it('repeats broken connections, overload and absence, and nothing else', async () => {
  for (const status of [0, 429, 502, 503, 504]) {
    expect(await withRetries(failing(status, 1), { retries: 1, retryOn: isPassing })).toBe(2);
  }
  for (const status of [400, 401, 404, 409, 422, 500]) {
    await expect(withRetries(failing(status, 1), { retries: 3, retryOn: isPassing })).rejects.toThrow('told to fail');
  }
});

it('gives up after the last retry, and at once when the gateway asks for more than a minute', async () => {
  await expect(withRetries(failing(503, 2), { retries: 1, retryOn: isPassing })).rejects.toThrow('told to fail');
  await expect(withRetries(failing(503, 1, 3600), { retries: 9, retryOn: isPassing })).rejects.toThrow('told to fail');
});

it('pauses longer each time with jitter, never shorter than Retry-After', () => {
  expect(pauseBefore(1, undefined, () => 0)).toBe(125);
  expect(pauseBefore(1, undefined, () => 1)).toBe(250);
  expect(pauseBefore(3, undefined, () => 1)).toBe(1000);
  expect(pauseBefore(30, undefined, () => 1)).toBe(10_000);
  expect(pauseBefore(1, 2, () => 0)).toBe(2000);
  expect(pauseBefore(1, 61)).toBeUndefined();
});

it('stops waiting when the caller gives up', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error('enough')), 10);
  await expect(sleep(60_000, stop.signal)).rejects.toThrow('enough');
});
