/** Chance, for what a writer does next. */

export function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}

export function oneOf<T>(items: readonly T[]): T | undefined {
  return items[below(items.length)];
}

export function happens(share: number): boolean {
  return Math.random() < share;
}

let made = 0;

/** Not used before by this process. */
export function fresh(what: string): string {
  made++;
  return `${what}-${made}`;
}
