import type { InferResult, TensorInput } from '@lepton-edge/client';
import { describe, expect, it } from 'vitest';
import { loadDigits } from '../examples/digits/digit-data.ts';
import { pixelsOf } from '../examples/digits/index.ts';
import { type Example, type ExampleRun, examples } from '../examples/index.ts';
import { detectLanguage } from '../examples/language/index.ts';
import { readDirection } from '../examples/pp-ocr/direction.ts';
import { sampleLine, upsideDown } from '../examples/pp-ocr/picture.ts';
import { readLine } from '../examples/pp-ocr/recognition.ts';
import { mostLikely } from '../examples/probabilities.ts';
import { findSpeech } from '../examples/silero-vad/find-speech.ts';
import { sampleSpeech } from '../examples/silero-vad/index.ts';
import { embed, similarity } from '../examples/use-lite/index.ts';
import { client } from './support/api.ts';

/** When the voice of the sample begins and ends, by its loudness. */
const VOICE = { fromSeconds: 1.25, toSeconds: 3.85 };
const PLACES = ['edge', 'node'] as const;
const ONLY_ON_NODES = ['pp-ocr-recognition', 'use-lite'];
const gateway = client();

/** The largest difference between the outputs of two runs. */
function difference(a: InferResult, b: InferResult): number {
  let largest = 0;
  for (const { name, data } of a.outputs) {
    const other = b.output(name).data as Float32Array;
    for (const [i, value] of (data as Float32Array).entries()) {
      largest = Math.max(largest, Math.abs(value - (other[i] as number)));
    }
  }
  return largest;
}

describe('every example', () => {
  it.each(examples.map((example) => [example.name, example] as const))(
    '%s answers wherever it may run, and all places agree',
    async (name, example) => {
      if (ONLY_ON_NODES.includes(name)) {
        const run = await example.run(gateway, { place: 'node' });
        expect(run.last.placement).toMatch(/^node:/);
        await expect(example.run(gateway, { place: 'edge' })).rejects.toMatchObject({
          status: 400,
          code: 'placement_not_allowed',
        });
        return;
      }
      const runs: ExampleRun[] = [];
      for (const place of PLACES) runs.push(await example.run(gateway, { place }));
      const [edge, node] = runs as [ExampleRun, ExampleRun];
      expect(edge.last.placement).toBe('edge');
      expect(node.last.placement).toMatch(/^node:/);
      // Two places may round the number in parentheses differently.
      const words = ({ answer }: ExampleRun) => answer.replace(/ \(.*\)/, '');
      expect(words(node)).toBe(words(edge));
      expect(difference(edge.last, node.last)).toBeLessThan(name === 'use-lite-int8' ? 1e-2 : 1e-4);
    },
  );

  it.each(examples.map((example) => [example.name, example] as const))(
    '%s answers a repeat from the cache',
    async (_name, example) => {
      const first = await example.run(gateway);
      const again = await example.run(gateway);
      expect(again.answer).toBe(first.answer);
      expect(again.last).toMatchObject({ placement: 'cache', cache: 'hit', outputs: first.last.outputs });
    },
  );
});

describe('at once', () => {
  it.each(examples.map((example) => [example.name, example] as const))(
    '%s answers many callers as it answers each alone',
    async (name, example) => {
      const requests = await requestsOf(example);
      const ask = (inputs: TensorInput[]) => gateway.infer(name, inputs, { place: 'node' });
      const alone: InferResult[] = [];
      for (const inputs of requests) alone.push(await ask(inputs));
      const callers = Array.from({ length: 8 }, (_, i) => i % requests.length);
      const together = await Promise.all(callers.map((i) => ask(requests[i] as TensorInput[])));
      const { admission } = await gateway.versions.get(name, 1);
      // What admission measured to answer otherwise in batches is never batched.
      const tolerance = admission?.batching ? 1e-4 : 0;
      for (const [i, answer] of together.entries()) {
        expect(difference(answer, alone[callers[i] as number] as InferResult)).toBeLessThanOrEqual(tolerance);
      }
    },
  );

  /** The first that the example's own client makes. */
  async function requestsOf(example: Example): Promise<TensorInput[][]> {
    const requests: TensorInput[][] = [];
    const infer: typeof gateway.infer = async (ref, inputs, options) => {
      requests.push(inputs);
      return await gateway.infer(ref, inputs, options);
    };
    await example.run({ infer });
    return requests.slice(0, 3);
  }
});

describe.each(PLACES)('what they mean, at the %s', (place) => {
  it('digits: 95 of 100 held-out ones right', async () => {
    const heldOut = (await loadDigits()).heldOut.slice(0, 200);
    expect(heldOut).toHaveLength(200);
    const { outputs } = await gateway.infer('digits', [pixelsOf(heldOut)], { place });
    const probabilities = outputs[0]?.data as Float32Array;
    const right = heldOut.filter(
      ({ label }, i) => mostLikely(probabilities.subarray(10 * i, 10 * i + 10)).index === label,
    );
    expect(right.length).toBeGreaterThanOrEqual(190);
  });

  it.each([
    ['eng', 'The quick brown fox jumps over the lazy dog and runs away from the hunters'],
    ['fra', 'Le serveur d’inférence répond très vite aux requêtes de ses clients'],
    ['deu', 'Der schnelle braune Fuchs springt über den faulen Hund und läuft davon'],
    ['spa', 'El perro duerme en la casa de mi abuela porque hace mucho frío'],
    ['ita', 'Il gatto dorme sul divano tutto il giorno e non vuole uscire'],
    ['jpn', 'これは日本語の文章です。今日は天気がいいですね'],
    ['rus', 'Быстрая лиса прыгает через ленивую собаку и убегает в лес'],
    ['ell', 'Η γρήγορη αλεπού πηδάει πάνω από το τεμπέλικο σκυλί'],
  ])('language: %s', async (code, text) => {
    expect((await detectLanguage(gateway, text, { place })).code).toBe(code);
  });

  it('language: as sure as lande itself', async () => {
    const { probability } = await detectLanguage(gateway, 'Der schnelle braune Fuchs springt über den faulen Hund', {
      place,
    });
    expect(Math.abs(probability - 0.985899)).toBeLessThan(1e-4);
  });

  it('silero-vad: speech where it is, none in noise or silence', async () => {
    const { samples } = await sampleSpeech();
    const { speech } = await findSpeech(gateway, samples, { place });
    const { fromSeconds, toSeconds } = speech ?? expect.fail('no speech found');
    expect(Math.abs(fromSeconds - VOICE.fromSeconds)).toBeLessThan(0.2);
    expect(Math.abs(toSeconds - VOICE.toSeconds)).toBeLessThan(0.2);
    let seed = 1;
    const noise = Float32Array.from({ length: 16_000 }, () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return (seed / 2 ** 32 - 0.5) / 10;
    });
    for (const sound of [noise, new Float32Array(8000)]) {
      const heard = await findSpeech(gateway, sound, { place });
      expect(heard.speech).toBeUndefined();
      expect(Math.max(...heard.probabilities)).toBeLessThan(0.3);
    }
  });

  it('pp-ocr-direction: both ways up', async () => {
    const line = await sampleLine();
    expect(await readDirection(gateway, line, { place })).toMatchObject({ direction: 'upright' });
    expect(await readDirection(gateway, upsideDown(line), { place })).toMatchObject({ direction: 'upside down' });
  });

  it('use-lite-int8: similar sentences are nearer than others', () => expectNearness('use-lite-int8', place));
});

describe('what they mean, at both', () => {
  it('silero-vad: the same in every frame, as the state goes from one to the next', async () => {
    const { samples } = await sampleSpeech();
    const [edge = [], node = []] = await Promise.all(
      PLACES.map(
        async (place) => (await findSpeech(gateway, samples.subarray(16_000, 32_000), { place })).probabilities,
      ),
    );
    expect(edge).toHaveLength(31);
    expect(Math.max(...edge) - Math.min(...edge)).toBeGreaterThan(0.8);
    expect(Math.max(...edge.map((p, frame) => Math.abs(p - (node[frame] as number))))).toBeLessThan(1e-4);
  });
});

describe('what they mean, on nodes only', () => {
  it('pp-ocr-recognition: the text, to the letter', async () => {
    const { text, confidence } = await readLine(gateway, await sampleLine());
    expect(text).toBe('Total: $1,299.00');
    expect(confidence).toBeGreaterThan(0.9);
  });

  it('use-lite: similar sentences are nearer than others', () => expectNearness('use-lite', 'node'));

  // From @energetic-ai/embeddings@0.2.0, which runs the model before its conversion.
  it.each([
    ['The weather is lovely today.', [-0.058121, -0.051405, -0.028216, 0.006075, 0.012383, 0.049628]],
    ['naïve café — 99 % done!', [0.022338, 0.057826, -0.044657, -0.015145, -0.062156, -0.038541]],
    ['日本語 text', [-0.040814, -0.054983, 0.046282, 0.025606, -0.028558, -0.018469]],
  ])('use-lite: %j is where the original has it', async (sentence, expected) => {
    const { embeddings } = await embed(gateway, [sentence, 'A longer one, so that the first is padded in the batch.'], {
      ref: 'use-lite',
    });
    const difference = expected.map((value, i) => Math.abs(value - (embeddings[0]?.[i] as number)));
    expect(Math.max(...difference)).toBeLessThan(1e-5);
  });

  it('use-lite and its 8-bit form mean the same', async () => {
    const sentences = ['The battery of my phone died.', 'I would like a refund, please.'];
    const [whole, small] = await Promise.all(
      ['use-lite', 'use-lite-int8'].map((ref) => embed(gateway, sentences, { ref })),
    );
    sentences.forEach((_, i) => {
      expect(similarity(whole?.embeddings[i] as Float32Array, small?.embeddings[i] as Float32Array)).toBeGreaterThan(
        0.98,
      );
    });
  });
});

async function expectNearness(ref: string, place: 'edge' | 'node'): Promise<void> {
  const pairs = [
    ['How old are you?', 'What is your age?'],
    ['The battery of my phone died.', 'My cell phone has no power left.'],
    ['It will rain tomorrow.', 'Tomorrow’s weather: rainy.'],
  ];
  const { embeddings } = await embed(gateway, pairs.flat(), { ref, place });
  const at = (i: number) => embeddings[i] as Float32Array;
  for (let i = 0; i < embeddings.length; i++) {
    for (let j = 0; j < i; j++) {
      const together = i % 2 === 1 && j === i - 1;
      if (together) expect(similarity(at(i), at(j))).toBeGreaterThan(0.5);
      else expect(similarity(at(i), at(j))).toBeLessThan(0.45);
    }
  }
}
