/** Uploads against endpoints that keep what they get and fail on demand. */
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UploadEndpoints } from '../test-support/upload-endpoints.ts';
import { LeptonClient } from './client.ts';
import { GatewayError } from './errors.ts';
import { partsMissing, sourceOf, type UploadProgress, uploadFile } from './upload-file.ts';

const PART = 1000;
const bytes = new Uint8Array(randomBytes(9 * PART + 17));
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const source = sourceOf(new Blob([bytes]), 'big.onnx');

let gateway: UploadEndpoints;
let client: LeptonClient;
beforeEach(async () => {
  gateway = new UploadEndpoints(PART);
  client = new LeptonClient({ baseUrl: await gateway.start() });
});
afterEach(() => gateway.stop());

const storedBytes = () => new Uint8Array(gateway.stored.get(digest) as Buffer);
const partsAsked = () =>
  gateway.asked.filter((asked) => asked.startsWith('PUT')).map((asked) => Number(asked.slice(4)));

it('knows which parts are missing', () => {
  expect(partsMissing({ partCount: 4, received: [2, 4] })).toEqual([1, 3]);
  expect(partsMissing({ partCount: 2, received: [1, 2] })).toEqual([]);
});

describe('uploadFile', () => {
  it('sends all parts, several at a time, and tells how far it is', async () => {
    const told: UploadProgress[] = [];
    const stored = await uploadFile(client, source, { onProgress: (progress) => told.push(progress) });
    expect(stored).toEqual({ digest, sizeBytes: bytes.byteLength, sentBytes: bytes.byteLength });
    expect(storedBytes()).toEqual(bytes);
    expect(gateway.mostAtOnce).toBeGreaterThan(1);
    expect(gateway.mostAtOnce).toBeLessThanOrEqual(4);
    expect(told.map(({ phase }) => phase).filter((phase, index, all) => phase !== all[index - 1])).toEqual([
      'hashing',
      'sending',
      'verifying',
      'done',
    ]);
    const sent = told.filter(({ phase }) => phase === 'sending').map(({ doneBytes }) => doneBytes);
    expect(sent[0]).toBe(0);
    expect(sent.at(-1)).toBe(bytes.byteLength);
  });

  it('sends nothing that is stored already', async () => {
    gateway.stored.set(digest, Buffer.from(bytes));
    expect(await uploadFile(client, source)).toMatchObject({ digest, sentBytes: 0 });
    expect(gateway.asked).toEqual(['POST']);
  });

  it('resumes with the parts that are missing, and nothing remembered here', async () => {
    gateway.fault = (asked) => (asked === 'PUT 6' ? { status: 403, code: 'missing_scope' } : undefined);
    await expect(uploadFile(client, source, { parallel: 1 })).rejects.toThrow('told to fail');
    expect(partsAsked()).toEqual([1, 2, 3, 4, 5, 6]);

    gateway.fault = () => undefined;
    gateway.asked.length = 0;
    const told: number[] = [];
    await uploadFile(client, source, {
      parallel: 1,
      onProgress: ({ phase, doneBytes }) => phase === 'sending' && told.push(doneBytes),
    });
    expect(partsAsked()).toEqual([6, 7, 8, 9, 10]);
    expect(told[0]).toBe(5 * PART);
    expect(storedBytes()).toEqual(bytes);
  });

  it('sends a part again after a broken connection, overload and a failure of the gateway', async () => {
    const faults = ['cut', { status: 429, retryAfter: '0' }, { status: 500 }] as const;
    gateway.fault = (asked, times) => (asked === 'PUT 2' ? faults[times - 1] : undefined);
    await uploadFile(client, source);
    expect(partsAsked().filter((part) => part === 2)).toHaveLength(4);
    expect(storedBytes()).toEqual(bytes);
  });

  it('sends again the parts that the gateway misses at the end', async () => {
    gateway.fault = (asked, times) => {
      if (asked !== 'POST complete' || times > 1) return undefined;
      for (const part of [3, 7]) gateway.uploads.get('up_1')?.parts.delete(part);
      return undefined;
    };
    await uploadFile(client, source);
    expect(partsAsked().slice(10).sort()).toEqual([3, 7]);
    expect(storedBytes()).toEqual(bytes);
  });

  it('asks how the upload stands when the long check breaks off', async () => {
    gateway.fault = (asked, times) => {
      const upload = gateway.uploads.get('up_1');
      if (asked === 'POST complete' && upload) {
        upload.state = 'verifying';
        return 'cut';
      }
      if (asked === 'GET upload' && times === 2 && upload) upload.state = 'done';
      return undefined;
    };
    expect(await uploadFile(client, source)).toMatchObject({ digest, sizeBytes: bytes.byteLength });
    expect(gateway.asked.slice(-3)).toEqual(['POST complete', 'GET upload', 'GET upload']);
  });

  it('completes again when the check was given up', async () => {
    gateway.fault = (asked, times) => (asked === 'POST complete' && times === 1 ? { status: 503 } : undefined);
    await uploadFile(client, source);
    expect(gateway.asked.slice(-3)).toEqual(['POST complete', 'GET upload', 'POST complete']);
  });

  it('completes again when nobody goes on with the check', async () => {
    gateway.fault = (asked, times) => {
      const upload = gateway.uploads.get('up_1');
      if (asked !== 'POST complete' || times > 1 || !upload) return undefined;
      upload.state = 'verifying';
      return 'cut';
    };
    vi.useFakeTimers({ toFake: ['Date'] });
    // Minutes pass between two looks.
    const clock = setInterval(() => vi.setSystemTime(Date.now() + 60_000), 100);
    try {
      expect(await uploadFile(client, source)).toMatchObject({ digest });
    } finally {
      clearInterval(clock);
      vi.useRealTimers();
    }
    expect(gateway.asked.filter((asked) => asked === 'POST complete')).toHaveLength(2);
  });

  it('ends with the refusal when the bytes are not those of the digest', async () => {
    const lying = { ...source, sha256: async () => 'a'.repeat(64) };
    const refused = await uploadFile(client, lying).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(GatewayError);
    expect(refused).toMatchObject({ status: 422, code: 'digest_mismatch' });
  });

  it('stops when the caller does', async () => {
    const stop = new AbortController();
    gateway.fault = (asked) => {
      if (asked === 'PUT 2') stop.abort(new Error('enough'));
      return undefined;
    };
    await expect(uploadFile(client, source, { signal: stop.signal, parallel: 1 })).rejects.toThrow('enough');
    expect(partsAsked()).not.toContain(4);
  });
});
