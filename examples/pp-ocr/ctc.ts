/** Reads the text out of a recogniser's answer: connectionist temporal classification, the greedy way (Graves et al. 2006). */

export interface ReadText {
  text: string;
  /** The mean probability of the characters read. */
  confidence: number;
}

/**
 * At each step the most likely class; repeats count once, class 0 is the blank between characters.
 * @param probabilities row-major [steps, alphabet.length]
 * @param alphabet the character of each class; that of class 0 is never used
 */
export function decodeCtc(probabilities: ArrayLike<number>, alphabet: readonly string[]): ReadText {
  const classes = alphabet.length;
  const read: { character: string; probability: number }[] = [];
  let previous = 0;
  for (let step = 0; (step + 1) * classes <= probabilities.length; step++) {
    let best = 0;
    let probability = -1;
    for (let k = 0; k < classes; k++) {
      const p = probabilities[step * classes + k] as number;
      if (p > probability) {
        best = k;
        probability = p;
      }
    }
    if (best !== 0 && best !== previous) read.push({ character: alphabet[best] ?? '', probability });
    previous = best;
  }
  const sum = read.reduce((total, { probability }) => total + probability, 0);
  return {
    text: read.map(({ character }) => character).join(''),
    confidence: read.length === 0 ? 0 : sum / read.length,
  };
}
