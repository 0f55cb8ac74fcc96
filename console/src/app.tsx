/** The console's pages and the frame around them. */
import { Stack, Text } from '@mantine/core';
import { Navigate, Route, Routes } from 'react-router';
import { Frame } from './components/frame.tsx';
import { PageHeading } from './components/page-heading.tsx';
import { PageLink } from './components/page-link.tsx';
import { ModelPage } from './pages/model/model-page.tsx';
import { ModelsPage } from './pages/models/models-page.tsx';
import { NodesPage } from './pages/nodes/nodes-page.tsx';
import { SignInPage } from './pages/sign-in/sign-in-page.tsx';
import { VersionPage } from './pages/version/version-page.tsx';
import { useSession } from './session/session.tsx';

export function App() {
  const { client } = useSession();
  if (!client) return <SignInPage />;
  return (
    <Frame>
      <Routes>
        <Route path="/" element={<Navigate to="/models" replace />} />
        <Route path="/models" element={<ModelsPage />} />
        <Route path="/models/:model" element={<ModelPage />} />
        <Route path="/models/:model/versions/:version" element={<VersionPage tab="details" />} />
        <Route path="/models/:model/versions/:version/playground" element={<VersionPage tab="playground" />} />
        <Route path="/nodes" element={<NodesPage />} />
        <Route path="*" element={<NothingPage />} />
      </Routes>
    </Frame>
  );
}

function NothingPage() {
  return (
    <Stack>
      <PageHeading title="Nothing is here" />
      <Text>
        No page has this address. The <PageLink to="/models">models</PageLink> and the{' '}
        <PageLink to="/nodes">nodes</PageLink> do.
      </Text>
    </Stack>
  );
}
