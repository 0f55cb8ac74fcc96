/** What stands where data will be: waiting, a failure in the gateway's words, or nothing yet. */
import { GatewayError } from '@lepton-edge/client';
import { Alert, Code, Loader, Stack, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';

interface Props<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}

/** Shows what a query answered; old data stays visible while it is asked for again. */
export function Loaded<T>({ query, children }: Props<T>) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Failure error={query.error} />;
  return <Loader aria-label="Loading" />;
}

export function Failure({ error }: { error: unknown }) {
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" role="alert" title={titleOf(error)}>
      <Text size="sm">{message}</Text>
      {error instanceof GatewayError && error.requestId && (
        <Text size="xs" c="dimmed" mt={4}>
          Request <Code>{error.requestId}</Code>
        </Text>
      )}
    </Alert>
  );
}

function titleOf(error: unknown): string {
  if (!(error instanceof GatewayError)) return 'This cannot be sent';
  return error.status === 0 ? 'The gateway does not answer' : `The gateway refused this (${error.status})`;
}

/** Says what is missing and how to get it. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Alert variant="light" title={title}>
      <Stack gap="xs">{children}</Stack>
    </Alert>
  );
}
