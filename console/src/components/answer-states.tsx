/** What stands where data will be: waiting, a failure in the gateway's words, or nothing yet. */
import { GatewayError } from '@lepton-edge/client';
import { Alert, Button, Code, Loader, Stack, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useSession } from '../session/session.tsx';

interface Props<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}

/** Shows what a query answered. Old data stays visible while it is asked for again, below the failure if that fails. */
export function Loaded<T>({ query, children }: Props<T>) {
  if (query.data === undefined) return query.error ? <Failure error={query.error} /> : <Loader aria-label="Loading" />;
  if (!query.error) return children(query.data);
  return (
    <Stack>
      <Failure error={query.error} />
      <Text size="sm" c="dimmed">
        As of {new Date(query.dataUpdatedAt).toLocaleTimeString()}:
      </Text>
      {children(query.data)}
    </Stack>
  );
}

export function Failure({ error }: { error: unknown }) {
  const { signOut } = useSession();
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Alert color="red" role="alert" title={titleOf(error)}>
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {message}
      </Text>
      {error instanceof GatewayError && error.requestId && (
        <Text size="xs" mt={4}>
          Request <Code>{error.requestId}</Code>
        </Text>
      )}
      {error instanceof GatewayError && error.status === 401 && (
        <Button size="xs" mt="xs" variant="default" onClick={signOut}>
          Sign in with another key
        </Button>
      )}
    </Alert>
  );
}

function titleOf(error: unknown): string {
  if (!(error instanceof GatewayError)) return 'This cannot be sent';
  if (error.status === 0) return 'The gateway does not answer';
  return error.status >= 500
    ? `The gateway could not do this (${error.status})`
    : `The gateway refused this (${error.status})`;
}

/** Says what is missing and how to get it. */
export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Alert variant="light" title={title}>
      <Stack gap="xs">{children}</Stack>
    </Alert>
  );
}
