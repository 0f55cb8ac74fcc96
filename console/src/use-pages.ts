/** Lists of the gateway, page by page. */
import type { PageOptions } from '@lepton-edge/client';
import type { Page } from '@lepton-edge/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';

/** `data` is every item loaded so far. */
export function usePages<T>(
  key: readonly unknown[],
  list: (options: PageOptions) => Promise<Page<T>>,
  refetchMs?: number,
) {
  return useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => list({ signal, ...(pageParam === undefined ? {} : { cursor: pageParam }) }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page: Page<T>) => page.nextCursor,
    select: ({ pages }) => pages.flatMap(({ items }) => items),
    ...(refetchMs === undefined ? {} : { refetchInterval: refetchMs }),
  });
}
