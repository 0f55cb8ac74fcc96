import { describe, expect, it } from 'vitest';
import { sampleSpeech } from './index.ts';
import { readWav } from './wav.ts';

interface Header {
  format?: number;
  channels?: number;
  bits?: number;
}

/** A WAV file of these samples, after a chunk of odd length that readers pass over. */
function wav(samples: readonly number[], { format = 1, channels = 1, bits = 16 }: Header = {}): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt16LE(format, 0);
  header.writeUInt16LE(channels, 2);
  header.writeUInt32LE(16_000, 4);
  header.writeUInt16LE(bits, 14);
  const data = Buffer.from(Int16Array.from(samples).buffer);
  const chunks = Buffer.concat([chunk('LIST', Buffer.from('odd')), chunk('fmt ', header), chunk('data', data)]);
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), chunks]));
}

function chunk(tag: string, body: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(body.length);
  return Buffer.concat([Buffer.from(tag), size, body, Buffer.alloc(body.length % 2)]);
}

describe('readWav', () => {
  it('reads the sample', async () => {
    const { sampleRate, samples } = await sampleSpeech();
    expect(sampleRate).toBe(16_000);
    expect(samples.length / sampleRate).toBeCloseTo(4.99, 2);
    expect(Math.max(...samples)).toBeGreaterThan(0.1);
  });

  it('reads samples as numbers from -1 to 1', () => {
    expect(readWav(wav([0, 16_384, -32_768]))).toEqual({ sampleRate: 16_000, samples: Float32Array.of(0, 0.5, -1) });
  });

  it('reads what there is of a file cut short', () => {
    expect([...readWav(wav([0, 16_384, 8192]).subarray(0, -1)).samples]).toEqual([0, 0.5]);
  });

  it.each([
    ['two channels', { channels: 2 }, 'got format 1, 2 channels of 16 bits'],
    ['8 bits', { bits: 8 }, 'got format 1, 1 channels of 8 bits'],
    ['floats', { format: 3, bits: 32 }, 'got format 3, 1 channels of 32 bits'],
  ])('refuses %s', (_what, header, sentence) => expect(() => readWav(wav([0], header))).toThrow(sentence));

  it('says what it expected of other bytes', () => {
    expect(() => readWav(new Uint8Array(100))).toThrow('expected a WAV file');
    expect(() => readWav(new Uint8Array())).toThrow('expected a WAV file');
    expect(() => readWav(wav([0]).subarray(0, 30))).toThrow('expected a data chunk');
  });
});
