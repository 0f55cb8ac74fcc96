/**
 * Finds speech in sound with Silero VAD: each call sees 64 samples of context and 512 new ones (32 ms at 16 kHz) and hands its
 * state on to the next.
 */
import type { InferResult } from '@lepton-edge/client';
import type { Tensor } from '@lepton-edge/protocol';
import { type Inferer, inferOptions, type RunOptions } from '../example.ts';

const SAMPLE_RATE = 16_000;
const CONTEXT = 64;
const FRAME = 512;
const THRESHOLD = 0.5;
const STATE_SIZE = 2 * 128;

export interface SpeechReport {
  /** The probability of speech in each frame of 32 ms. */
  probabilities: number[];
  /** From the first to the last frame with speech; undefined where there is none. */
  speech: { fromSeconds: number; toSeconds: number } | undefined;
  last: InferResult;
}

/** @param samples one channel at 16 kHz, at least one frame */
export async function findSpeech(gateway: Inferer, samples: Float32Array, options?: RunOptions): Promise<SpeechReport> {
  const padded = new Float32Array(CONTEXT + samples.length);
  padded.set(samples, CONTEXT);
  const probabilities: number[] = [];
  let state: Tensor = { name: 'state', datatype: 'FP32', shape: [2, 1, 128], data: new Float32Array(STATE_SIZE) };
  let last: InferResult | undefined;
  for (let at = 0; at + FRAME <= samples.length; at += FRAME) {
    const input = padded.slice(at, at + CONTEXT + FRAME);
    last = await gateway.infer(options?.ref ?? 'silero-vad', inputsOf(input, state), inferOptions(options));
    probabilities.push((last.output('output').data as Float32Array)[0] ?? 0);
    state = { ...last.output('stateN'), name: 'state' };
  }
  if (!last) throw new Error(`expected at least ${FRAME} samples, got ${samples.length}`);
  const first = probabilities.findIndex((p) => p > THRESHOLD);
  const end = probabilities.findLastIndex((p) => p > THRESHOLD) + 1;
  const seconds = (frame: number) => (frame * FRAME) / SAMPLE_RATE;
  const speech = first < 0 ? undefined : { fromSeconds: seconds(first), toSeconds: seconds(end) };
  return { probabilities, speech, last };
}

function inputsOf(input: Float32Array<ArrayBuffer>, state: Tensor): Tensor[] {
  return [
    { name: 'input', datatype: 'FP32', shape: [1, input.length], data: input },
    state,
    { name: 'sr', datatype: 'INT64', shape: [], data: BigInt64Array.of(BigInt(SAMPLE_RATE)) },
  ];
}
