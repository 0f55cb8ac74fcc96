/** A digest, short enough to read, whole to copy. */
import { Code, Group } from '@mantine/core';
import { CopyButton } from './copy-button.tsx';

/** @param of what it is the digest of, for those who hear the button's name */
export function Digest({ value, of }: { value: string; of: string }) {
  return (
    <Group gap={6}>
      <Code title={value}>{`${value.slice(0, 19)}…`}</Code>
      <CopyButton text={() => value} size="compact-xs" variant="subtle" aria-label={`Copy the digest of ${of}`}>
        Copy
      </CopyButton>
    </Group>
  );
}
