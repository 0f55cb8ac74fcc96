/** The cases that are known not to pass, each with its reason: a list that may only get shorter. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Place } from './over-http.ts';
import type { CaseResult } from './run-suite.ts';

/** By name of the case, and placement. */
export type KnownFailures = Record<string, Partial<Record<Place, string>>>;

const FILE = new URL('./known-failures.json', import.meta.url);

export async function readKnownFailures(): Promise<KnownFailures> {
  return JSON.parse(await readFile(FILE, 'utf8')) as KnownFailures;
}

export async function writeKnownFailures(failures: KnownFailures): Promise<void> {
  await writeFile(FILE, `${JSON.stringify(failures, null, 2)}\n`);
}

export function failuresOf(results: readonly CaseResult[]): KnownFailures {
  const failures: KnownFailures = {};
  for (const { name, places } of results) {
    for (const place of ['edge', 'node'] as const) {
      const { reason } = places[place];
      if (reason !== undefined) failures[name] = { ...failures[name], [place]: reason };
    }
  }
  return failures;
}

/** A sentence on each case that is in one list and not in the other; reasons may change. */
export function changesBetween(
  known: KnownFailures,
  found: KnownFailures,
  ran: readonly string[],
): { fails: string[]; passes: string[] } {
  const fails: string[] = [];
  const passes: string[] = [];
  for (const name of ran) {
    for (const place of ['edge', 'node'] as const) {
      const reason = found[name]?.[place];
      const listed = known[name]?.[place];
      if (reason !== undefined && listed === undefined) fails.push(`${name} at the ${place}: ${reason}`);
      if (reason === undefined && listed !== undefined) passes.push(`${name} at the ${place}: ${listed}`);
    }
  }
  return { fails, passes };
}
