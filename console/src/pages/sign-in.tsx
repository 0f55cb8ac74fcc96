/** Signing in with a key. */
import { GatewayError } from '@lepton-edge/client';
import { Box, Button, Center, Code, Group, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { ColorSchemeButton } from '../components/frame.tsx';
import { useSession } from '../session/session.tsx';

export function SignInPage() {
  const { signIn } = useSession();
  const [key, setKey] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signIn(key.trim());
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
              autoComplete="off"
              required
              withAsterisk={false}
              value={key}
              onChange={(event) => setKey(event.currentTarget.value)}
              error={error}
            />
            <Button type="submit" loading={busy} disabled={key.trim() === ''}>
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
