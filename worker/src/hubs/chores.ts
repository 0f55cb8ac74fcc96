/** What is done later, and by whom: the table of the chores. */
import type { Gateway } from '../context.ts';
import { stepAdmissions } from '../services/admission/step.ts';
import { sealAudit } from '../services/audit/seal.ts';
import { collectGarbage } from '../services/garbage/collect.ts';

/** Does what there is to do. @returns when it is to be done next, in ms since 1970; undefined: when it is woken */
export type Work = (gateway: Gateway, storage: DurableObjectStorage) => Promise<number | undefined>;

export const chores = {
  async audit({ db }, storage) {
    await sealAudit(db, storage);
    return undefined;
  },
  admission: stepAdmissions,
  garbage: collectGarbage,
} satisfies Record<string, Work>;

export type Chore = keyof typeof chores;

export function isChore(name: unknown): name is Chore {
  return typeof name === 'string' && Object.hasOwn(chores, name);
}
