/** Signing in with a key. */
import { GatewayError } from '@lepton-edge/client';
import { Box, Button, Center, Code, Group, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { type FormEvent, useState } from 'react';
import { ColorSchemeButton } from '../../components/color-scheme-button.tsx';
import { useSession } from '../../session/session.tsx';

/** Anything else cannot stand in a header, and the browser's own error for it speaks of the network. */
const KEY = /^[\x21-\x7e]+$/;

export function SignInPage() {
  const { signIn } = useSession();
  useDocumentTitle('Sign in · Lepton Edge');
  const [key, setKey] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    const secret = key.trim();
    if (!KEY.test(secret)) {
      setError(
        secret === ''
          ? 'Enter a key: it begins with lep_.'
          : 'A key has no spaces and only ASCII characters: copy it again.',
      );
      return;
    }
    setBusy(true);
    setError(undefined);
    try {
      await signIn(secret);
    } catch (thrown) {
      setError(thrown instanceof GatewayError ? thrown.message : String(thrown));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Box mih="100vh">
      <Group justify="flex-end" p="sm">
        <ColorSchemeButton />
      </Group>
      <Center component="main" px="md" pt="10vh">
        <Paper component="form" onSubmit={submit} withBorder p="xl" w="100%" maw={440} shadow="sm">
          <Stack>
            <Group gap="sm">
              <img src="/icon.svg" alt="" width={32} height={32} />
              <Title order={1} size="h2">
                Lepton Edge
              </Title>
            </Group>
            <PasswordInput
              label="API key"
              description="It is kept in this tab only."
              spellCheck={false}
              autoComplete="off"
              required
              withAsterisk={false}
              value={key}
              onChange={(event) => setKey(event.currentTarget.value)}
              error={error}
            />
            <Button type="submit" loading={busy}>
              Sign in
            </Button>
            <Text size="sm" c="dimmed">
              On a gateway started by <Code>npm start</Code> the first key is in <Code>.lepton/admin.key</Code>.
            </Text>
          </Stack>
        </Paper>
      </Center>
    </Box>
  );
}
