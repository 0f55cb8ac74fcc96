/** The name of a page, at its top and on its tab. */
import { Group, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface Props {
  title: string;
  /** Stands beside the name. */
  children?: ReactNode;
}

export function PageHeading({ title, children }: Props) {
  useDocumentTitle(`${title} · Lepton Edge`);
  return (
    <Group>
      <Title order={1} size="h2" style={{ overflowWrap: 'anywhere' }}>
        {title}
      </Title>
      {children}
    </Group>
  );
}
