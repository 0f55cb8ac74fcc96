import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RESERVE, RETRIES_PER_REQUEST, RetryBudget } from './retry-budget.ts';

it('allows a fifth of the requests and a reserve, however they come', () => {
  const steps = fc.array(fc.record({ requests: fc.nat(50), tries: fc.nat(200), afterMs: fc.nat(2_000) }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(steps, (all) => {
      let now = 0;
      let [requests, retries] = [0, 0];
      const budget = new RetryBudget(() => now);
      for (const step of all) {
        for (let i = 0; i < step.requests; i++) budget.deposit();
        requests += step.requests;
        for (let i = 0; i < step.tries; i++) if (budget.withdraw()) retries += 1;
        now += step.afterMs;
      }
      const reserve = RESERVE * (1 + now / 10_000);
      expect(retries).toBeLessThanOrEqual(reserve + RETRIES_PER_REQUEST * requests);
    }),
    { numRuns: 100 },
  );
});

it('saves all that one node had under way when it died', () => {
  const budget = new RetryBudget(() => 0);
  for (let i = 0; i < RESERVE; i++) expect(budget.withdraw()).toBe(true);
  expect(budget.withdraw()).toBe(false);
});
