/** Who is signed in: the key lives in sessionStorage, so it ends with the tab, and goes with every request as a Bearer token. */
import { LeptonClient } from '@lepton-edge/client';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useMemo, useState } from 'react';

const STORAGE_KEY = 'lepton-edge.key';

interface Session {
  /** Undefined while nobody is signed in. */
  client: LeptonClient | undefined;
  /** Throws the gateway's error when the key is refused. */
  signIn(key: string): Promise<void>;
  signOut(): void;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function SessionProvider({ children }: { children: ReactNode }) {
  const [key, setKey] = useState(() => sessionStorage.getItem(STORAGE_KEY) ?? undefined);
  const queries = useQueryClient();
  const session = useMemo<Session>(() => {
    const clientOf = (secret: string) => new LeptonClient({ baseUrl: location.origin, key: secret });
    return {
      client: key === undefined ? undefined : clientOf(key),
      async signIn(secret) {
        await clientOf(secret).models.list({ limit: 1 });
        sessionStorage.setItem(STORAGE_KEY, secret);
        setKey(secret);
      },
      signOut() {
        sessionStorage.removeItem(STORAGE_KEY);
        // What one key may see is not for the next.
        queries.clear();
        setKey(undefined);
      },
    };
  }, [key, queries]);
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession is used outside of SessionProvider');
  return session;
}

/** The client of whoever is signed in; only for pages that are shown to them alone. */
export function useClient(): LeptonClient {
  const { client } = useSession();
  if (!client) throw new Error('useClient is used while nobody is signed in');
  return client;
}
