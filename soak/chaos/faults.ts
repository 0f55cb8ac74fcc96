/** What is done to a gateway and its nodes under steady load, and what its callers may be told of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Callers, type Tally } from '../support/callers.ts';
import { takeRegistryAway } from './registry-away.ts';
import type { Scene } from './scene.ts';

export interface ChaosFault {
  name: string;
  what: string;
  /** As in `Fault`. */
  told: readonly string[];
  /** Does it, while callers are at work. @param soFar what they saw. @returns violations */
  strike(scene: Scene, soFar: Tally): Promise<string[]>;
}

const FROZEN_MS = 9_000;
const SLOWED_MS = 6_000;
/** Of every 100 ms. */
const RUNS_MS = 5;
/** Longer than anything of the registry is served without asking it again. */
const AWAY_MS = 12_000;
/** More than an isolate remembers. */
const FILLINGS = 40;
const MOVES = 10;
const MOVE_EVERY_MS = 300;
const REVOKED_WITHIN_MS = 10_000;
const WATCHED_MS = 2_000;

export const CHAOS: readonly ChaosFault[] = [
  {
    name: 'node killed',
    what: 'SIGKILL to the node that answers, which is started again',
    told: [],
    async strike({ stage }, soFar) {
      const victim = await stage.busier(soFar);
      await victim.kill();
      await stage.start(victim);
      return [];
    },
  },
  {
    name: 'node frozen',
    what: `SIGSTOP to the node that answers, SIGCONT ${FROZEN_MS / 1000} s later`,
    told: [],
    async strike({ stage }, soFar) {
      const victim = await stage.busier(soFar);
      victim.freeze();
      await sleep(FROZEN_MS);
      victim.thaw();
      await victim.untilReady();
      return [];
    },
  },
  {
    name: 'node slowed',
    what: `the node that answers runs for ${RUNS_MS} of every 100 ms, for ${SLOWED_MS / 1000} s`,
    told: [],
    async strike({ stage }, soFar) {
      const victim = await stage.busier(soFar);
      try {
        for (const endsAt = performance.now() + SLOWED_MS; performance.now() < endsAt; ) {
          victim.freeze();
          await sleep(100 - RUNS_MS);
          victim.thaw();
          await sleep(RUNS_MS);
        }
      } finally {
        victim.thaw();
      }
      return [];
    },
  },
  {
    name: 'workerd killed',
    what: 'SIGKILL to workerd, which is started again',
    // Nobody is there who could answer.
    told: ['0'],
    async strike({ stage }) {
      await stage.gateway.kill('workerd');
      await stage.gateway.start();
      // Heard anew: what the gateway knows from before it has yet to read again.
      const since = Date.now();
      await Promise.all([stage.a.untilReady(since), stage.b.untilReady(since)]);
      return [];
    },
  },
  {
    name: 'D1 away',
    what: `every statement fails for ${AWAY_MS / 1000} s`,
    told: [],
    async strike({ stage }) {
      const giveBack = await takeRegistryAway(stage.gateway.home);
      await sleep(AWAY_MS).finally(giveBack);
      return [];
    },
  },
  {
    name: 'cache filled',
    what: `${FILLINGS} answers of half a MiB each are put into the cache`,
    told: [],
    async strike(scene) {
      for (let i = 0; i < FILLINGS; i++) await scene.fill();
      return [];
    },
  },
  {
    name: 'alias moved',
    what: `the alias that callers name moves between two versions, ${MOVES} times`,
    told: [],
    async strike(scene) {
      for (let i = 0; i < MOVES; i++) {
        await scene.move(1 + (i % 2));
        await sleep(MOVE_EVERY_MS);
      }
      return [];
    },
  },
  {
    name: 'key revoked',
    what: `a key at work is revoked: nothing is answered to it ${REVOKED_WITHIN_MS / 1000} s later`,
    told: [],
    strike: revokeAKey,
  },
];

/** Those of these names, in this order. */
export function chaosFaults(...names: string[]): ChaosFault[] {
  return names.map((name) => {
    const fault = CHAOS.find((one) => one.name === name);
    if (!fault) throw new Error(`expected some of ${CHAOS.map((one) => one.name).join(', ')}, got ${name}`);
    return fault;
  });
}

async function revokeAKey(scene: Scene): Promise<string[]> {
  const { call, revoke } = await scene.key();
  const theirs = new Callers([call], 2, 20);
  await theirs.untilEnded(50);
  const before = [...theirs.tally.failed];
  await revoke();
  await sleep(REVOKED_WITHIN_MS);
  const { answered } = theirs.tally;
  await sleep(WATCHED_MS);
  const { answered: late, failed, wrong } = await theirs.stop();
  return [
    ...before.map(([name]) => `the key was told ${name} before it was revoked`),
    ...(late > answered ? [`${late - answered} calls were answered longer than 10 s after the revocation`] : []),
    ...[...failed.keys()].filter((name) => name !== '401 unauthenticated').map((name) => `the key was told ${name}`),
    ...(wrong > 0 ? [`${wrong} answers were wrong`] : []),
  ];
}
