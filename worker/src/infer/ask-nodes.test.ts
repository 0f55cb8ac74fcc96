import { LeptonError } from '@lepton-edge/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Gateway } from '../context.ts';
import { createFleet } from '../hubs/fleet.ts';
import type { LiveNode } from '../hubs/live-node.ts';
import { askNodes } from './ask-nodes.ts';
import { CallTimeout, type NodeAnswer, type Patience } from './call-node.ts';
import { Deadline } from './deadline.ts';
import { decide } from './decide.ts';
import { Timings } from './timings.ts';

const waitUntil = () => undefined;

type Way = (signal: AbortSignal) => Promise<NodeAnswer<string>>;

const answers: Way = async () => ({ ok: true, value: 'answer' });
const hangs: Way = () => new Promise(() => undefined);
const fails =
  (kind: 'refused' | 'busy' | 'silent' | 'sick', code: 'overloaded' | 'no_placement', seconds?: number): Way =>
  async () => ({
    ok: false,
    kind,
    error: new LeptonError(code, kind, seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  });
const isDead = fails('silent', 'no_placement', 2);

interface Options {
  deadline?: Deadline;
  /** Of the version, beside its placement. */
  manifest?: object;
  /** Where it is loaded. */
  loadedOn?: string[];
  /** What a run at the edge takes, where it may run there. */
  edgeRunMs?: number;
}

/** A fleet whose hub hears `nodes` and nobody else; each is asked in its way, `a` first. */
function newFleet(ways: Record<string, Way>, { deadline, manifest, loadedOn = ['a'], edgeRunMs }: Options = {}) {
  const heard = new Map<string, LiveNode>();
  const hear = (id: string, instance = '1') => {
    const loaded = loadedOn.includes(id) ? [{ model: 'm', version: 1, digest: 'v' }] : [];
    const heartbeat = { state: 'ready', instance, loaded, inFlight: 0, queued: 0 };
    heard.set(id, { id, name: id, region: null, heartbeat } as never);
  };
  for (const id of Object.keys(ways)) hear(id);
  const hub = { recent: async () => [...heard.values()].map((node) => ({ ...node, silentMs: 0 })) };
  const fleet = createFleet({ get: () => hub, idFromName: () => 'fleet' } as never, Date.now);
  const edge = { unavailableFor: () => undefined, waitMs: () => 0, has: () => true };
  const gateway = { fleet, edge, random: () => 0, now: Date.now } as unknown as Gateway;
  const version = {
    digest: 'v',
    edgeEligible: edgeRunMs !== undefined,
    manifest: { placement: { policy: 'auto' }, ...manifest },
  };
  const target = { model: { id: 'm' }, version } as never;
  const asked: string[] = [];
  const given: AbortSignal[] = [];
  const run = async (team = 'team') => {
    const asker = { team, size: 8 };
    const leftMs = () => deadline?.leftMs() ?? Number.POSITIVE_INFINITY;
    const decideAgain = (mayTry?: (process: string) => boolean) =>
      decide(
        gateway,
        { target, asker, asked: undefined, edgeRunMs: edgeRunMs ?? 0, leftMs: leftMs(), mayTry },
        waitUntil,
      );
    const decided = await decideAgain();
    const ask = (node: LiveNode, { signal }: Patience) => {
      asked.push(node.id);
      given.push(signal);
      return (ways[node.id] ?? isDead)(signal);
    };
    const call = { version: version as never, asker, decided, decideAgain, deadline, ask };
    return await askNodes(gateway, call, new Timings());
  };
  /** What a run came to, and after how many ms, at most a minute of fake time. */
  const outcome = async (team?: string) => {
    const startedAt = Date.now();
    let ended: { placement?: string; code?: string; retryAfter?: number | undefined; ms: number } | undefined;
    const ms = () => Date.now() - startedAt;
    void run(team).then(
      (answer) => (ended = { placement: answer?.placement ?? 'edge', ms: ms() }),
      ({ code, retryAfterSeconds }) => (ended = { code, retryAfter: retryAfterSeconds, ms: ms() }),
    );
    for (let i = 0; i < 600 && !ended; i++) await vi.advanceTimersByTimeAsync(100);
    return ended;
  };
  const ready = async () => (await fleet.view(waitUntil)).candidates('v').filter((each) => each.isHealthy(Date.now()));
  const candidate = async (id: string) =>
    (await fleet.view(waitUntil)).candidates('v').find(({ node }) => node.id === id);
  const answersOthers = (id: string) =>
    setInterval(async () => (await candidate(id))?.begin({ team: 'team', size: 8 }, Date.now(), 1).answered(), 100);
  return { ways, asked, given, heard, hear, outcome, answersOthers, candidate, ready, budget: fleet.budget };
}

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

describe('a call of several nodes', () => {
  it.each([
    ['is silent', isDead],
    ['is sick', fails('sick', 'no_placement', 2)],
    ['is busy', fails('busy', 'overloaded', 1)],
  ])('goes elsewhere at once when the first %s', async (_how, way) => {
    const { outcome, asked } = newFleet({ a: way, b: answers });
    expect(await outcome()).toMatchObject({ placement: 'node:b', ms: 0 });
    expect(asked).toEqual(['a', 'b']);
  });

  it('says what would be said anywhere', async () => {
    const { outcome, asked } = newFleet({ a: fails('refused', 'overloaded'), b: answers });
    expect(await outcome()).toMatchObject({ code: 'overloaded' });
    expect(asked).toEqual(['a']);
  });

  it('tells the shorter wait when all are busy, also where another is dead', async () => {
    const busy = newFleet({ a: fails('busy', 'overloaded', 9), b: fails('busy', 'overloaded', 4) });
    expect(await busy.outcome()).toMatchObject({ code: 'overloaded', retryAfter: 4, ms: 0 });
    const half = newFleet({ a: fails('busy', 'overloaded', 9), b: isDead });
    expect(await half.outcome()).toMatchObject({ code: 'overloaded', retryAfter: 9, ms: 0 });
  });

  it('goes elsewhere when its node falls silent, and takes whichever answers first', async () => {
    const frozen = newFleet({ a: hangs, b: answers });
    setTimeout(() => frozen.heard.delete('a'), 5_000);
    expect(await frozen.outcome()).toMatchObject({ placement: 'node:b' });
    expect(frozen.given.map(({ aborted }) => aborted)).toEqual([true, false]);

    const slow: Way = () => new Promise((resolve) => setTimeout(() => resolve({ ok: true, value: 'late' }), 20_000));
    const alone = newFleet({ a: slow });
    setTimeout(() => alone.heard.delete('a'), 5_000);
    expect(await alone.outcome()).toMatchObject({ placement: 'node:a' });
  });

  it('tries no more than three', async () => {
    const { outcome, asked } = newFleet({ a: isDead, b: isDead, c: isDead, d: isDead });
    expect(await outcome()).toMatchObject({ code: 'no_placement', retryAfter: 2, ms: 0 });
    expect(asked).toHaveLength(3);
  });
});

it('a call is ended where its request has no more time, or after a minute', async () => {
  const isEnded: Way = async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(signal.reason).toBeInstanceOf(CallTimeout);
    return await fails('silent', 'deadline_exceeded')(signal);
  };
  const late = { code: 'deadline_exceeded' };
  expect(await newFleet({ a: isEnded }).outcome()).toMatchObject({ ...late, ms: 60_000 });
  const deadline = new Deadline(300, Date.now(), () => Date.now());
  expect(await newFleet({ a: isEnded }, { deadline }).outcome()).toMatchObject({ ...late, ms: 300 });
});

it('a node that has just said it is full for a team is not asked for that team, and what it said is said again', async () => {
  const fleet = newFleet({ a: hangs, b: hangs }, { loadedOn: ['a', 'b'] });
  const isFull = { code: 'overloaded', retryAfter: 4, ms: 0 };
  for (const id of ['a', 'b']) (await fleet.candidate(id))?.begin({ team: 'team', size: 8 }, Date.now(), 1);
  Object.assign(fleet.ways, { a: fails('busy', 'overloaded', 9), b: fails('busy', 'overloaded', 4) });
  expect(await fleet.outcome()).toMatchObject(isFull);
  expect(fleet.asked.splice(0)).toHaveLength(2);
  expect(await fleet.outcome()).toMatchObject({ code: 'overloaded', ms: 0 });
  expect(fleet.asked).toEqual([]);
  Object.assign(fleet.ways, { a: answers, b: answers });
  expect(await fleet.outcome('other')).toMatchObject({ ms: 0, placement: expect.stringMatching(/^node:/) });
  await vi.advanceTimersByTimeAsync(250);
  expect(await fleet.outcome()).toMatchObject({ placement: expect.stringMatching(/^node:/) });
});

describe('a call that is made again', () => {
  const after =
    (ms: number, way: Way): Way =>
    async (signal) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return await way(signal);
    };

  it('is made where the answers of a hedged version are late, and the first one counts', async () => {
    const hedged = { manifest: { retry: { hedge: true } }, loadedOn: ['a', 'b'] };
    const fleet = newFleet({ a: after(20, answers), b: after(20, answers) }, hedged);
    for (let i = 0; i < 20; i++) await fleet.outcome();
    const [usual, other] = [fleet.asked[0] ?? '', fleet.asked[0] === 'a' ? 'b' : 'a'];
    fleet.ways[usual] = hangs;
    fleet.asked.length = 0;
    expect(await fleet.outcome()).toMatchObject({ placement: `node:${other}`, ms: 40 });
    expect(fleet.asked).toEqual([usual, other]);
    expect(fleet.given.at(-2)?.aborted).toBe(true);
  });

  it('is not, where the version is not to be hedged, nor where only a load would help', async () => {
    for (const options of [{ loadedOn: ['a', 'b'] }, { manifest: { retry: { hedge: true } } }]) {
      const fleet = newFleet({ a: after(20, answers), b: answers }, options);
      for (let i = 0; i < 20; i++) await fleet.outcome();
      fleet.ways.a = after(500, answers);
      fleet.asked.length = 0;
      await fleet.outcome();
      expect(fleet.asked).toHaveLength(1);
    }
  });

  it('is not, where what may have been done must not be done twice', async () => {
    const stateful = { manifest: { stateful: true } };
    const dead = newFleet({ a: isDead, b: answers }, stateful);
    expect(await dead.outcome()).toMatchObject({ code: 'no_placement' });
    expect(dead.asked).toEqual(['a']);
    const busy = newFleet({ a: fails('busy', 'overloaded', 1), b: answers }, stateful);
    expect(await busy.outcome()).toMatchObject({ placement: 'node:b' });
  });

  it('is not, where the budget is used up', async () => {
    const fleet = newFleet({ a: isDead, b: answers });
    while (fleet.budget.withdraw());
    expect(await fleet.outcome()).toMatchObject({ code: 'no_placement' });
    expect(fleet.asked).toEqual(['a']);
  });

  it('goes to the edge where that is sooner than a load on another node', async () => {
    for (const way of [isDead, fails('busy', 'overloaded', 1)]) {
      const { outcome, asked, ready } = newFleet({ a: way, b: answers }, { edgeRunMs: 500 });
      await ready();
      expect(await outcome()).toMatchObject({ placement: 'edge', ms: 0 });
      expect(asked).toEqual(['a']);
    }
  });

  it('looks for its node sooner from when it has none', async () => {
    const fleet = newFleet({ a: after(1_100, isDead) });
    setTimeout(() => {
      fleet.ways.a = answers;
      fleet.hear('a', '2');
    }, 1_050);
    expect(await fleet.outcome()).toMatchObject({ placement: 'node:a', ms: 1_350 });
  });
});

describe('a node that is tried again after its failure', () => {
  it('is asked by one of those that decide together, and the others go elsewhere', async () => {
    const fleet = newFleet({ a: isDead, b: answers });
    expect(await fleet.outcome()).toMatchObject({ placement: 'node:b' });
    fleet.ways.a = answers;
    fleet.asked.length = 0;
    // What was known of the fleet is too old by then: all wait for the same news.
    await vi.advanceTimersByTimeAsync(3_500);
    const both = await Promise.all([fleet.outcome(), fleet.outcome(), fleet.outcome()]);
    expect(both.map((each) => each?.placement).sort()).toEqual(['node:a', 'node:b', 'node:b']);
  });

  it('is not taken for full because the time of a request was over there', async () => {
    const late: Way = async () => ({
      ok: false,
      kind: 'busy',
      error: new LeptonError('deadline_exceeded', 'it would be late', { retryAfterSeconds: 1 }),
    });
    const fleet = newFleet({ a: late, b: answers });
    await fleet.outcome();
    expect((await fleet.candidate('a'))?.isFull({ team: 'team', size: 8 }, Date.now())).toBe(false);
    fleet.ways.a = answers;
    expect(await fleet.outcome()).toMatchObject({ placement: 'node:a' });
  });
});

describe('the only node', () => {
  it('is waited for while it starts again', async () => {
    const fleet = newFleet({ a: isDead });
    setTimeout(() => {
      fleet.ways.a = answers;
      fleet.hear('a', '2');
    }, 2_500);
    const [first, other] = await Promise.all([fleet.outcome(), fleet.outcome()]);
    expect(first).toMatchObject({ placement: 'node:a' });
    expect(other).toMatchObject({ placement: 'node:a' });
    expect(await fleet.ready()).toHaveLength(1);
  });

  it('is waited for also when all are gone, and comes back late', async () => {
    const fleet = newFleet({ a: isDead, b: isDead });
    setTimeout(() => {
      fleet.ways.b = answers;
      fleet.hear('b', '2');
    }, 4_500);
    expect(await fleet.outcome()).toMatchObject({ placement: 'node:b' });
    expect(fleet.asked).toEqual(['a', 'b', 'a', 'b', 'b']);
  });

  it('is waited for until it is lost, or has been unreachable for as long', async () => {
    const lost = newFleet({ a: isDead });
    setTimeout(() => lost.heard.clear(), 3_000);
    const outcome = await lost.outcome();
    expect(outcome).toMatchObject({ code: 'no_placement' });
    expect(outcome?.ms).toBeGreaterThan(3_000);
    expect(outcome?.ms).toBeLessThan(6_000);
    const unreachable = newFleet({ a: isDead });
    expect((await unreachable.outcome())?.ms).toBeLessThan(10_000);
    expect((await unreachable.outcome())?.ms).toBeLessThan(500);
  });

  it('is not waited for longer than the caller waits', async () => {
    const { outcome } = newFleet({ a: isDead }, { deadline: new Deadline(1_000, Date.now(), Date.now) });
    expect(await outcome()).toMatchObject({ code: 'no_placement', ms: 1_000 });
  });

  it('is not asked for ever when it answers all but this request', async () => {
    const { outcome, asked, answersOthers } = newFleet({ a: isDead });
    answersOthers('a');
    expect(await outcome()).toMatchObject({ code: 'no_placement' });
    expect(asked).toEqual(['a', 'a', 'a']);
  });

  it('is not waited for when it answers, though not as it should', async () => {
    const { outcome } = newFleet({ a: fails('sick', 'no_placement', 2) });
    expect(await outcome()).toMatchObject({ code: 'no_placement', ms: 0 });
    expect(await outcome()).toMatchObject({ code: 'no_placement', ms: 0 });
  });
});
