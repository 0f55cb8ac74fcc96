/** The janitors as an isolate calls them: one Durable Object for each chore. */

import type { AuditHead } from '../services/audit/chain.ts';
import { type Chore, chores } from './chores.ts';
import type { Janitor } from './janitor.ts';

export interface Janitors {
  /** Has a chore done soon. */
  wake(chore: Chore, delayMs?: number): Promise<void>;
  /** Has every chore looked after: what an end of the process interrupted goes on. */
  wakeAll(): Promise<void>;
  /** Seals the audit log; answers where the sealed part ends, undefined where there is none. */
  sealAudit(): Promise<AuditHead | undefined>;
}

export function createJanitors(namespace: DurableObjectNamespace<Janitor>): Janitors {
  const janitor = (chore: Chore) => namespace.get(namespace.idFromName(chore));
  return {
    wake: async (chore, delayMs = 0) => await janitor(chore).wake(chore, delayMs),
    async wakeAll() {
      await Promise.all((Object.keys(chores) as Chore[]).map((chore) => janitor(chore).wake(chore, 0)));
    },
    sealAudit: async () => await janitor('audit').sealAudit(),
  };
}
