/** A digest, short enough to read, whole to copy. */
import { Button, Code, CopyButton, Group, Tooltip } from '@mantine/core';

export function Digest({ value }: { value: string }) {
  return (
    <Group gap={6} wrap="nowrap">
      <Tooltip label={value}>
        <Code>{`${value.slice(0, 19)}…`}</Code>
      </Tooltip>
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Button size="compact-xs" variant="subtle" onClick={copy} aria-label="Copy the digest">
            {copied ? 'copied' : 'copy'}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
