/** Each name of a model once, and a number for it: graphs are compared by numbers, and sentences ask for the text. */
import { refuse } from './refuse.ts';

/** Together they bound the memory that an inspection takes, far above what exported models have. */
const MAX_NAMES = 200_000;
const MAX_USES = 500_000;
const MAX_CHARACTERS = 8 * 1024 * 1024;

/** The number of the empty name, which stands for "none". */
export const NO_NAME = 0;

export class Names {
  private readonly numbers = new Map<string, number>([['', NO_NAME]]);
  private readonly texts: string[] = [''];
  private characters = 0;
  private uses = 0;

  /** @throws LeptonError `model_invalid` when the model has more names than are inspected */
  numberOf(text: string | null | undefined): number {
    this.uses += 1;
    if (this.uses > MAX_USES) refuse(`the model uses more than ${MAX_USES} names, the most that are inspected`);
    const name = text ?? '';
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.texts.length;
    this.characters += name.length;
    if (number > MAX_NAMES || this.characters > MAX_CHARACTERS) {
      refuse(
        `the model has more than ${MAX_NAMES} names or ${MAX_CHARACTERS} characters in them, the most that are inspected`,
      );
    }
    this.numbers.set(name, number);
    this.texts.push(name);
    return number;
  }

  textOf(number: number): string {
    return this.texts[number] ?? '';
  }
}
