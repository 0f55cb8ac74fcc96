import { describe, expect, it } from 'vitest';
import { SingleFlight } from '../cache/single-flight.ts';
import { Deadline, inTime } from './deadline.ts';

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
