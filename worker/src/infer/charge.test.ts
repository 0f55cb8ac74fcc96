import { describe, expect, it } from 'vitest';
import type { Gateway, Principal } from '../context.ts';
import type { Need, UsageCounts } from '../quotas/terms.ts';
import { charge } from './charge.ts';

/** What a payer has used in the end, with a limit of units or without. */
function newPayer(quota?: Principal['quota']) {
  const paid = { units: 0, before: 0, back: 0 };
  const add = (units = 0) => {
    paid.units += units;
  };
  const clock = { now: 0 };
  /** Of which nothing is given back later than at once. */
  const account = {
    take: async ({ units }: Need) => add(units),
    giveBack: ({ units = 0 }: Need, takenAt: number) => {
      if (clock.now > takenAt) return false;
      paid.back += units;
      add(-units);
      return true;
    },
  };
  const quotas = {
    count: (_id: string, { computeUnits }: Partial<UsageCounts>) => add(computeUnits),
    account: () => account,
  };
  const payer: Principal = {
    keyId: 'k',
    teamId: 't',
    scopes: new Set(),
    nodeId: undefined,
    expiresAt: undefined,
    quota,
  };
  const gateway = { quotas, now: () => clock.now } as unknown as Gateway;
  const pay = (units: number, work: () => Promise<number>, used?: (outcome: number) => number) => {
    const noted = async () => {
      paid.before = paid.units;
      return await work();
    };
    return charge(gateway, payer, units, () => undefined, noted, used);
  };
  return { paid, pay, clock };
}

describe.each([
  ['with a limit', { setAt: 1, units: 100 }, 10],
  ['without one', undefined, 0],
])('units %s', (_what, quota, before) => {
  it('are paid for what was used', async () => {
    const { paid, pay } = newPayer(quota);
    expect(await pay(10, async () => 7)).toBe(7);
    expect(paid).toMatchObject({ units: 10, before });
    await pay(
      10,
      async () => 4,
      (outcome) => outcome,
    );
    expect(paid.units).toBe(14);
    await pay(
      10,
      async () => 12,
      (outcome) => outcome,
    );
    expect(paid.units).toBe(26);
  });

  it('are not paid for what failed', async () => {
    const { paid, pay } = newPayer(quota);
    await expect(pay(10, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(paid).toMatchObject({ units: 0, before });
  });
});

it('units that cannot be given back any more only count as not used', async () => {
  const { paid, pay, clock } = newPayer({ setAt: 1, units: 100 });
  const slow = async () => {
    clock.now += 1;
    throw new Error('late');
  };
  await expect(pay(10, slow)).rejects.toThrow('late');
  expect(paid).toMatchObject({ units: 0, back: 0 });
});
