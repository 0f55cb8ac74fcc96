/** Lists that come in pages: one page, or every item of all of them. */
import type { Page } from '@lepton-edge/protocol';
import type { RequestOptions } from './transport.ts';

export interface PageOptions extends RequestOptions {
  /** Items a page, at most 1000. */
  limit?: number | undefined;
  /** The `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** Walks all pages: `for await (const model of client.models.all())`. The next page is fetched when it is needed. */
export async function* allPages<T>(
  list: (page: { cursor?: string | undefined }) => Promise<Page<T>>,
  first?: string,
): AsyncGenerator<T, void, undefined> {
  let cursor = first;
  do {
    const page: Page<T> = await list({ cursor });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
