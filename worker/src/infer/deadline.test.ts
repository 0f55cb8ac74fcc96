import { describe, expect, it } from 'vitest';
import { SingleFlight } from '../cache/single-flight.ts';
import { callNode } from './call-node.ts';
import { Deadline, inTime } from './deadline.ts';
import { Timings } from './timings.ts';
import { Tracing } from './tracing.ts';

const late = expect.objectContaining({ code: 'deadline_exceeded' });

describe('a deadline', () => {
  it('tells what is left, counted from the arrival', () => {
    let now = 1000;
    const deadline = new Deadline(50, 990, () => now);
    expect(deadline.leftMs()).toBe(40);
    expect(() => deadline.check()).not.toThrow();
    now = 1040;
    expect(() => deadline.check()).toThrow(late);
  });

  it('begins nothing when it has passed', async () => {
    let begun = 0;
    const work = async () => ++begun;
    await expect(inTime(new Deadline(5, 0, () => 5), work)).rejects.toEqual(late);
    expect(await inTime(undefined, work)).toBe(1);
  });

  it('ends the wait of one, while the work that it shares with others goes on', async () => {
    const flight = new SingleFlight<string>();
    const { promise, resolve } = Promise.withResolvers<string>();
    const ask = (deadline?: Deadline) =>
      inTime(deadline, () =>
        flight.run(
          'key',
          () => promise,
          () => undefined,
        ),
      );
    const leader = ask(new Deadline(60_000, performance.now()));
    await expect(ask(new Deadline(10, performance.now()))).rejects.toEqual(late);
    const other = ask();
    resolve('answer');
    expect(await Promise.all([leader, other])).toEqual(['answer', 'answer']);
  });
});

it('a node is told what is left of the time, and nothing is held against one that had too little', async () => {
  const sent: Headers[] = [];
  let now = 1000;
  const over = new AbortController();
  const gateway = {
    signer: { callToken: async () => 'call', grantToken: async () => 'grant' },
    fetch: (_url: string, { headers, signal }: RequestInit) => {
      sent.push(new Headers(headers));
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
        now = 1050;
        over.abort();
      });
    },
  };
  const ask = () => {
    const deadline = new Deadline(1050, 0, () => now);
    const schedule = { tenant: 'team', priority: 3 as const, deadline };
    const rest = { path: '/', headers: {}, body: '', tracing: new Tracing('id', new Headers()) };
    const patience = { timeoutMs: 60_000, signal: over.signal };
    const call = { version: {}, schedule, ...rest, patience, read: async () => 'answer' };
    return callNode(gateway as never, { heartbeat: { url: 'http://node' } } as never, call as never, new Timings());
  };
  const refused = { ok: false, kind: 'refused', error: late };
  expect(await ask()).toEqual(refused);
  expect(await ask()).toEqual(refused);
  expect(sent).toHaveLength(1);
  expect(sent[0]?.get('x-lepton-tenant')).toBe('team');
  expect(sent[0]?.get('x-lepton-priority')).toBe('3');
  expect(sent[0]?.get('x-lepton-timeout-ms')).toBe('50');
});
