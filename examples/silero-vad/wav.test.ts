import { describe, expect, it } from 'vitest';
import { sampleSpeech } from './index.ts';
import { readWav } from './wav.ts';

describe('readWav', () => {
  it('reads the sample', async () => {
    const { sampleRate, samples } = await sampleSpeech();
    expect(sampleRate).toBe(16_000);
    expect(samples.length / sampleRate).toBeCloseTo(4.99, 2);
    expect(Math.max(...samples)).toBeGreaterThan(0.1);
  });

  it('says what it expected of other bytes', () => {
    expect(() => readWav(new Uint8Array(100))).toThrow('expected a WAV file');
    expect(() => readWav(new Uint8Array())).toThrow('expected a WAV file');
  });
});
