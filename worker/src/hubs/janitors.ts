/** The janitors as an isolate calls them: one Durable Object for each chore. */
import { type Chore, chores } from './chores.ts';
import type { Janitor } from './janitor.ts';

export interface Janitors {
  /** Has a chore done soon. */
  wake(chore: Chore): Promise<void>;
  /** Has every chore looked after: what an end of the process interrupted goes on. */
  wakeAll(): Promise<void>;
  /** Does a chore now and waits for it. */
  work(chore: Chore): Promise<void>;
}

export function createJanitors(namespace: DurableObjectNamespace<Janitor>): Janitors {
  const janitor = (chore: Chore) => namespace.get(namespace.idFromName(chore));
  return {
    wake: async (chore) => await janitor(chore).wake(chore),
    async wakeAll() {
      await Promise.all((Object.keys(chores) as Chore[]).map((chore) => janitor(chore).wake(chore)));
    },
    work: async (chore) => await janitor(chore).work(chore),
  };
}
