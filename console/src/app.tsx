/** The console's pages and the frame around them. */
import { Alert } from '@mantine/core';
import { Navigate, Route, Routes } from 'react-router';
import { Frame } from './components/frame.tsx';
import { ModelPage } from './pages/model.tsx';
import { ModelsPage } from './pages/models.tsx';
import { NodesPage } from './pages/nodes.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { VersionPage } from './pages/version.tsx';
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
        <Route path="/models/:model/versions/:version/:tab?" element={<VersionPage />} />
        <Route path="/nodes" element={<NodesPage />} />
        <Route path="*" element={<Alert title="Nothing is here">Choose a page above.</Alert>} />
      </Routes>
    </Frame>
  );
}
