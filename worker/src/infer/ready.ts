/** Whether an inference would work now: the version is ready and there is a place for it to run. */
import type { Reference } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal } from '../context.ts';
import type { Resolved } from '../services/directory.ts';
import { decide, refusalOf } from './decide.ts';
import { checkState } from './infer.ts';

/** @throws LeptonError saying why not */
export async function checkReady(
  gateway: Gateway,
  ref: Reference,
  principal: Principal,
  waitUntil: WaitUntil,
): Promise<Resolved> {
  const target = await gateway.directory.resolve(ref, principal, gateway.random(), waitUntil);
  checkState(target.version);
  const { decision } = await decide(
    gateway,
    {
      target,
      asker: { team: principal.teamId, size: 0 },
      asked: undefined,
      edgeRunMs: 0,
      leftMs: Number.POSITIVE_INFINITY,
    },
    waitUntil,
  );
  if (decision.kind === 'refused') throw refusalOf(decision);
  return target;
}
