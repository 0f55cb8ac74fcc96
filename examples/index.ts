/** The example models, and how their files are made. */
import { digits } from './digits/index.ts';
import type { Example } from './example.ts';
import { language } from './language/index.ts';
import { ppOcrDirection } from './pp-ocr/direction.ts';
import { ppOcrRecognition } from './pp-ocr/recognition.ts';
import { sileroVad } from './silero-vad/index.ts';
import { useLite, useLiteInt8 } from './use-lite/index.ts';

export { buildExample } from './build-example.ts';
export type { Example, ExampleRun, Inferer, RunOptions } from './example.ts';

export const examples: readonly Example[] = [
  digits,
  language,
  sileroVad,
  ppOcrDirection,
  ppOcrRecognition,
  useLiteInt8,
  useLite,
];
