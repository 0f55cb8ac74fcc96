import type { LeptonError } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { Bodies, readPatiently } from './bodies.ts';

const MIB = 1024 * 1024;

function at(start: number) {
  const clock = { now: start };
  return { clock, bodies: new Bodies(() => clock.now) };
}

describe('Bodies', () => {
  it('have room for 16 MiB, and for one that is larger when it is alone', () => {
    const { bodies } = at(0);
    const [a, b] = [bodies.begin(), bodies.begin()];
    a.add(15 * MIB);
    expect(() => b.add(2 * MIB)).toThrow('too many request bodies');
    b.add(MIB);
    a.end();
    b.end();
    expect(bodies.heldBytes).toBe(0);
    const alone = bodies.begin();
    alone.add(15 * MIB);
    alone.add(15 * MIB);
    expect(bodies.heldBytes).toBe(30 * MIB);
  });

  it('that come slowly give way when others find no room, and only then', () => {
    const { clock, bodies } = at(0);
    const [slow, there] = [bodies.begin(), bodies.begin()];
    slow.add(10 * MIB);
    there.add(5 * MIB);
    there.arrived();
    clock.now = 5_001;
    const young = bodies.begin();
    expect(slow.isGivenUp()).toBeUndefined();
    expect(() => young.add(2 * MIB)).toThrow('too many request bodies');
    expect(slow.isGivenUp()).toMatchObject({ code: 'request_timeout' });
    expect([there.isGivenUp(), young.isGivenUp()]).toEqual([undefined, undefined]);
    slow.end();
    expect(() => young.add(2 * MIB)).not.toThrow();
  });

  it('of requests that ended without a word are forgotten', () => {
    const { clock, bodies } = at(0);
    const gone = bodies.begin();
    gone.add(15 * MIB);
    gone.arrived();
    clock.now = 300_000;
    const next = bodies.begin();
    expect(() => next.add(2 * MIB)).toThrow('too many request bodies');
    clock.now = 300_001;
    next.add(2 * MIB);
    gone.end();
    expect(bodies.heldBytes).toBe(2 * MIB);
  });

  it('are not waited for without end', () => {
    const { clock, bodies } = at(0);
    const body = bodies.begin();
    clock.now = 119_000;
    expect(body.isGivenUp()).toBeUndefined();
    clock.now = 120_000;
    expect(body.isGivenUp()?.message).toBe('the body did not come within 120 s');
  });

  it('are let go while they are waited for', async () => {
    const { clock, bodies } = at(0);
    const held = bodies.begin();
    const reading = readPatiently(held, (patience) => Promise.race([new Promise<never>(() => {}), patience]));
    clock.now = 120_000;
    const error: LeptonError = await reading.catch((thrown) => thrown);
    expect(error.code).toBe('request_timeout');
  });
});
