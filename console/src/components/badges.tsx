/** States in a word and a colour. */
import { Badge } from '@mantine/core';

const COLOURS: Record<string, string> = {
  ready: 'green',
  admitting: 'blue',
  draining: 'yellow',
  stopped: 'gray',
  archived: 'gray',
  rejected: 'red',
  lost: 'red',
  hit: 'teal',
  stale: 'yellow',
};

export function StateBadge({ state }: { state: string }) {
  return (
    <Badge variant="light" color={COLOURS[state] ?? 'gray'} tt="none" styles={{ label: { overflow: 'visible' } }}>
      {state}
    </Badge>
  );
}
