/** The rest of a list, a page at a time. */
import { Button } from '@mantine/core';
import type { UseInfiniteQueryResult } from '@tanstack/react-query';

export function MoreButton({ query }: { query: UseInfiniteQueryResult }) {
  if (!query.hasNextPage) return null;
  return (
    <Button variant="default" mt="sm" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
      Show more
    </Button>
  );
}
