/** States in a word and a colour. */
import { Badge, Tooltip } from '@mantine/core';

const COLOURS: Record<string, string> = {
  ready: 'green',
  admitting: 'blue',
  draining: 'yellow',
  archived: 'gray',
  rejected: 'red',
  lost: 'red',
  hit: 'teal',
  stale: 'yellow',
  miss: 'gray',
  bypass: 'gray',
};

export function StateBadge({ state, reason }: { state: string; reason?: string | undefined }) {
  const badge = (
    <Badge variant="light" color={COLOURS[state] ?? 'gray'} tt="none" styles={{ label: { overflow: 'visible' } }}>
      {state}
    </Badge>
  );
  return reason ? <Tooltip label={reason}>{badge}</Tooltip> : badge;
}
