/** The soak `faults`: everything that can go wrong with a node, again and again, and what callers saw of it. */

import { callerLeaves, slowCallers } from './faults/caller-faults.ts';
import { engineKilled } from './faults/engine-fault.ts';
import type { Fault } from './faults/fault.ts';
import { corruptBlob, diskFull, wrongDigest } from './faults/file-faults.ts';
import { gatewayGone } from './faults/gateway-fault.ts';
import { nodeFrozen, nodeKilled, nodeTerminated } from './faults/node-faults.ts';
import { Stage } from './faults/stage.ts';
import { Tally } from './support/callers.ts';

export const FAULTS = {
  engineKilled,
  nodeKilled,
  nodeFrozen,
  nodeTerminated,
  gatewayGone,
  diskFull,
  corruptBlob,
  wrongDigest,
  slowCallers,
  callerLeaves,
} satisfies Record<string, Fault>;

export interface FaultsOptions {
  /** Empty. */
  folder: string;
  port: number;
  faults: readonly Fault[];
  rounds: number;
  /** No round begins after this. */
  untilMs: number;
  say: (line: string) => void;
}

export interface FaultResult {
  fault: Fault;
  rounds: number;
  tally: Tally;
  /** From the fault until everything was as before, a value a round where that was measured. */
  recoveredMs: number[];
  violations: string[];
}

export async function soakFaults({
  folder,
  port,
  faults,
  rounds,
  untilMs,
  say,
}: FaultsOptions): Promise<FaultResult[]> {
  const stage = new Stage({ folder, port });
  const began = performance.now();
  const results: FaultResult[] = [];
  try {
    await stage.set();
    for (const fault of faults) {
      const result: FaultResult = { fault, rounds: 0, tally: new Tally(), recoveredMs: [], violations: [] };
      results.push(result);
      await fault.begin?.(stage);
      while (result.rounds < rounds && performance.now() - began < untilMs) {
        await oneRound(stage, result);
        const { name } = fault;
        say(`${name} ${result.rounds}: ${result.tally.answered} answers, ${result.violations.length} violations`);
      }
      result.violations.push(...((await fault.end?.(stage)) ?? []));
    }
    return results;
  } finally {
    await stage.strike();
  }
}

async function oneRound(stage: Stage, result: FaultResult): Promise<void> {
  const { fault } = result;
  result.rounds++;
  const { tally, recoveredMs, violations = [] } = await fault.round(stage);
  const untold = [...tally.failed].filter(([name]) => !fault.told.includes(name));
  const said = untold.length === 0 ? [] : [`; ${[...tally.sentences].join('; ')}`];
  const found = [
    ...violations,
    ...untold.map(([name, count]) => `callers were told ${name} (${count} times)${said}`),
    ...(tally.wrong > 0 ? [`${tally.wrong} answers were wrong`] : []),
    ...(tally.answered === 0 ? ['nothing was answered'] : []),
  ];
  result.violations.push(...found.map((violation) => `${fault.name} ${result.rounds}: ${violation}`));
  result.tally.add(tally);
  if (recoveredMs !== undefined) result.recoveredMs.push(recoveredMs);
}
