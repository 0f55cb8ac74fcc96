/** What the commands that list have in common. */
import type { Input, OptionSpec } from '../command.ts';

export const LIMIT_OPTION = {
  limit: { type: 'string', value: 'N', help: 'at most so many; default: all' },
} as const satisfies Record<string, OptionSpec>;

/** The items of all pages, as far as `--limit` goes. */
export async function collect<T>(items: AsyncIterable<T>, input: Input, most?: number): Promise<T[]> {
  const limit = input.whole('limit', 1) ?? most ?? Number.POSITIVE_INFINITY;
  const found: T[] = [];
  for await (const item of items) {
    found.push(item);
    if (found.length >= limit) break;
  }
  return found;
}
