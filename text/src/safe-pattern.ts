/**
 * Tells whether a regular expression of a tokenizer.json can be run on any text. JavaScript's engine backtracks, so an expression may
 * take for ever; what passes here takes at most a time that grows with the square of the text, which is bounded itself.
 */

/** At most this many choices along one way through an expression, apart from its repetitions. */
const MAX_WAYS = 64;
const MAX_LENGTH = 2048;
/** `{1,3}` is a choice of three; with more it counts as endless. */
const FEW = 16;
const GOES_ON = 'goes on after two endless repetitions';
const QUANTIFIER = /^(?:[*+?]|\{\d*,?\d*\})[+?]?/;
const GROUP = /^\((?:\?(?:<[=!]|<\w+>|\w*:|[=!>]))?/;

/** How a part of an expression can match. */
interface Reach {
  ways: number;
  /** Endless repetitions on the way there. */
  endless: number;
}

/** Why an expression is not run, as the rest of a sentence; undefined when it is. */
export function unsafeBecause(source: string): string | undefined {
  if (source.length > MAX_LENGTH) return `has ${source.length} characters, at most ${MAX_LENGTH} are taken`;
  try {
    const scan = new Scan(source);
    scan.alternatives({ ways: 1, endless: 0 });
    return scan.ended ? undefined : 'closes a group that was not opened';
  } catch (error) {
    if (error instanceof Unsafe) return error.message;
    throw error;
  }
}

class Unsafe extends Error {}

class Scan {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get ended(): boolean {
    return this.#at >= this.#source.length;
  }

  /** Reads up to the end or a closing parenthesis. */
  alternatives(from: Reach): Reach {
    let ways = 0;
    let endless = from.endless;
    for (;;) {
      const reached = this.#sequence(from);
      ways += reached.ways;
      endless = Math.max(endless, reached.endless);
      if (this.#source[this.#at] !== '|') break;
      this.#at++;
    }
    return few({ ways, endless });
  }

  #sequence(from: Reach): Reach {
    let reach = from;
    while (!this.ended && this.#source[this.#at] !== '|' && this.#source[this.#at] !== ')') {
      reach = this.#source[this.#at] === '(' ? this.#group(reach) : this.#atom(reach);
    }
    return reach;
  }

  #group(before: Reach): Reach {
    const [opening] = GROUP.exec(this.#source.slice(this.#at)) as RegExpExecArray;
    this.#at += opening.length;
    const endless = Math.min(before.endless, 1);
    const reached = this.alternatives({ ...before, endless });
    if (this.#source[this.#at] !== ')') throw new Unsafe('has a group that is not closed');
    this.#at++;
    const quantifier = this.#quantifier();
    const isOptional = quantifier[0] === '?';
    if (quantifier !== '' && !isOptional) throw new Unsafe(`repeats a group ${opening}…)${quantifier}`);
    if (before.endless > 1 && (!isOptional || reached.endless > endless)) throw new Unsafe(GOES_ON);
    return few({
      ways: reached.ways + (isOptional ? before.ways : 0),
      endless: Math.max(before.endless, reached.endless),
    });
  }

  #atom(before: Reach): Reach {
    this.#skipAtom();
    const quantifier = this.#quantifier();
    const [least, most] = timesOf(quantifier);
    if (before.endless > 1 && (least > 0 || most > FEW)) throw new Unsafe(GOES_ON);
    if (most > FEW) return { ...before, endless: before.endless + 1 };
    return few({ ...before, ways: before.ways * (most - least + 1) });
  }

  #skipAtom(): void {
    const character = this.#source[this.#at];
    if (character === '[') this.#skipClass();
    else if (character === '\\') this.#skipEscape();
    else this.#at++;
  }

  #skipEscape(): void {
    const escaped = /^\\(?:[pP]\{[^}]*\}|[xu]\{[^}]*\}|.)/su.exec(this.#source.slice(this.#at))?.[0];
    if (escaped === undefined) throw new Unsafe('ends in a backslash');
    if (/^\\[1-9kg]/.test(escaped)) throw new Unsafe(`refers back (${escaped})`);
    this.#at += escaped.length;
  }

  /** Classes of Oniguruma can hold classes; a `]` that comes first stands for itself. */
  #skipClass(): void {
    let depth = 0;
    do {
      const character = this.#source[this.#at];
      if (character === undefined) throw new Unsafe('has a class [ that is not closed');
      this.#at += character === '\\' ? 2 : 1;
      if (character === '[') {
        depth++;
        if (this.#source[this.#at] === '^') this.#at++;
        if (this.#source[this.#at] === ']') this.#at++;
      } else if (character === ']') depth--;
    } while (depth > 0);
  }

  #quantifier(): string {
    const quantifier = QUANTIFIER.exec(this.#source.slice(this.#at))?.[0] ?? '';
    this.#at += quantifier.length;
    return quantifier;
  }
}

function few(reach: Reach): Reach {
  if (reach.ways > MAX_WAYS) throw new Unsafe(`can match in more than ${MAX_WAYS} ways`);
  return reach;
}

function timesOf(quantifier: string): [least: number, most: number] {
  switch (quantifier[0]) {
    case undefined:
      return [1, 1];
    case '?':
      return [0, 1];
    case '*':
      return [0, Number.POSITIVE_INFINITY];
    case '+':
      return [1, Number.POSITIVE_INFINITY];
  }
  const [, least = '', comma = '', most = ''] = /\{(\d*)(,?)(\d*)\}/.exec(quantifier) ?? [];
  if (comma === '') return [Number(least), Number(least)];
  return [Number(least), most === '' ? Number.POSITIVE_INFINITY : Number(most)];
}
