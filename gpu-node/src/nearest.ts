/** The known name that somebody who wrote another one probably meant. */

/** How many edits a name may be away, at most a third of its letters. */
const MAX_EDITS = 3;

/** Capitals, dashes and underscores make no difference. @returns undefined where none is close */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = plainOf(name);
  let best: string | undefined;
  let fewest = Math.min(MAX_EDITS, Math.ceil(plain.length / 3)) + 1;
  for (const candidate of known) {
    const edits = editsBetween(plain, plainOf(candidate));
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

function plainOf(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '');
}

/** Levenshtein's distance. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
