/** The soak `chaos`: a steady load in which every kind of answer has its part, and one thing after the other goes wrong. */
import { CHAOS, type ChaosFault } from './chaos/faults.ts';
import { Scene } from './chaos/scene.ts';
import type { Tally } from './support/callers.ts';

export interface ChaosOptions {
  /** Empty. */
  folder: string;
  port: number;
  /** Faults are taken in turns. */
  rounds: number;
  faults?: readonly ChaosFault[];
  /** How many requests a round has at least. */
  requests: number;
  /** No round begins after this. */
  untilMs: number;
  say: (line: string) => void;
}

export interface ChaosRound {
  fault: ChaosFault;
  tally: Tally;
  violations: string[];
}

export async function soakChaos({
  folder,
  port,
  rounds,
  faults = CHAOS,
  requests,
  untilMs,
  say,
}: ChaosOptions): Promise<ChaosRound[]> {
  const scene = new Scene({ folder, port });
  const began = performance.now();
  const results: ChaosRound[] = [];
  try {
    await scene.set();
    while (results.length < rounds && performance.now() - began < untilMs) {
      const fault = faults[results.length % faults.length];
      if (!fault) break;
      const result = await oneRound(scene, fault, requests);
      results.push(result);
      const { tally, violations } = result;
      say(`${results.length} ${fault.name}: ${tally.ended} requests, slowest ${Math.round(tally.slowestMs)} ms`);
      for (const violation of violations) say(`  violated: ${violation}`);
    }
    return results;
  } finally {
    await scene.strike();
  }
}

async function oneRound(scene: Scene, fault: ChaosFault, requests: number): Promise<ChaosRound> {
  const violations: string[] = [];
  const tally = await scene.underLoad(requests, async (soFar) => {
    violations.push(...(await fault.strike(scene, soFar)));
  });
  for (const [name, count] of tally.failed) {
    if (!fault.told.includes(name)) violations.push(`callers were told ${name} (${count} times)`);
  }
  if (violations.length > 0) violations.push(...tally.sentences);
  if (tally.wrong > 0) violations.push(`${tally.wrong} answers were wrong`);
  return { fault, tally, violations };
}
