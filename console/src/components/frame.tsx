/** The frame of every page: where one can go, light or dark, and the way out. */
import { AppShell, Button, Container, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { NavLink } from 'react-router';
import { useSession } from '../session/session.tsx';
import { ColorSchemeButton } from './color-scheme-button.tsx';
import classes from './frame.module.css';

const PAGES = [
  { to: '/models', label: 'Models' },
  { to: '/nodes', label: 'Nodes' },
];

export function Frame({ children }: { children: ReactNode }) {
  const { signOut } = useSession();
  return (
    <AppShell header={{ height: 56 }} padding="md">
      <a className={classes.skip} href="#content">
        Skip to content
      </a>
      <AppShell.Header>
        <Container size="xl" h="100%">
          <Group h="100%" justify="space-between" wrap="nowrap" gap="xs">
            <Group gap={16} wrap="nowrap" className={classes.left}>
              <Group gap={8} wrap="nowrap">
                <img src="/icon.svg" alt="" width={24} height={24} />
                <Text fw={700} visibleFrom="sm">
                  Lepton Edge
                </Text>
              </Group>
              <Group component="nav" aria-label="Pages" gap={4} wrap="nowrap">
                {PAGES.map(({ to, label }) => (
                  <NavLink key={to} to={to} className={classes.page ?? ''}>
                    {label}
                  </NavLink>
                ))}
                <a href="/docs" className={classes.page} aria-label="API reference">
                  API<span className={classes.long}> reference</span>
                </a>
              </Group>
            </Group>
            <Group gap={4} wrap="nowrap">
              <ColorSchemeButton />
              <Button variant="default" size="xs" onClick={signOut}>
                Sign out
              </Button>
            </Group>
          </Group>
        </Container>
      </AppShell.Header>
      <AppShell.Main id="content" tabIndex={-1} className={classes.content}>
        <Container size="xl" px={0}>
          {children}
        </Container>
      </AppShell.Main>
    </AppShell>
  );
}
