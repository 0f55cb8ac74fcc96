import type { Heartbeat } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import type { LiveNode } from './live-node.ts';
import { Roster } from './roster.ts';

let time = 1_000_000;
const newRoster = (stored: LiveNode[] = []) => new Roster(stored, () => time);
const who = (id: string) => ({ id, name: id, issuer: 'i', region: null, drained: false });
const beat = (instance: string, changes: Partial<Heartbeat> = {}) =>
  ({
    url: `http://${instance}`,
    instance,
    state: 'ready',
    loaded: [],
    inFlight: 0,
    queued: 0,
    ...changes,
  }) as Heartbeat;
const ids = (nodes: { id: string }[]) => nodes.map(({ id }) => id);

describe('the roster', () => {
  it('is not undone by a report that was under way when a node was drained or resumed', () => {
    const roster = newRoster();
    roster.heartbeat(who('a'), beat('1'));
    roster.drain('a', true);
    roster.heartbeat(who('a'), beat('1'));
    expect(roster.heard()).toMatchObject([{ drained: true }]);
    roster.drain('a', false);
    roster.heartbeat({ ...who('a'), drained: true }, beat('1'));
    expect(roster.heard()).toMatchObject([{ drained: false }]);
    time += 6_000;
    roster.heartbeat({ ...who('a'), drained: true }, beat('1'));
    expect(roster.heard()).toMatchObject([{ drained: true }]);
  });

  it('hears a node for six seconds, and one that has stopped no more', () => {
    const roster = newRoster();
    roster.heartbeat(who('a'), beat('1'));
    expect(roster.heartbeat(who('b'), beat('1')).received.others).toBe(1);
    time += 5_999;
    roster.heartbeat(who('b'), beat('1', { state: 'draining' }));
    expect(ids(roster.heard())).toEqual(['a', 'b']);
    time += 1;
    expect(ids(roster.heard())).toEqual(['b']);
    roster.heartbeat(who('b'), beat('1', { state: 'stopped' }));
    expect(ids(roster.heard())).toEqual([]);
    expect(ids(roster.list())).toEqual(['a', 'b']);
  });

  it('has stored what a restart needs, and counts then on those it heard just before', () => {
    const roster = newRoster();
    const stored = new Map<string, LiveNode>();
    const report = (id: string) => {
      const { store } = roster.heartbeat(who(id), beat('1'));
      if (store) stored.set(id, store);
      return store !== undefined;
    };
    expect([report('old'), report('new')]).toEqual([true, true]);
    for (let i = 0; i < 20; i++) {
      time += 2_000;
      report('new');
    }
    expect(report('new')).toBe(false);
    time += 3_000;
    const again = newRoster([...stored.values()]);
    expect(ids(again.heard())).toEqual(['new']);
    time += 6_000;
    expect(again.heard()).toEqual([]);
  });

  it('gives no work to a node that was taken out of it', () => {
    const roster = newRoster();
    roster.heartbeat(who('a'), beat('1'));
    expect(roster.drain('a', true)).toMatchObject({ drained: true });
    expect(roster.heartbeat(who('b'), beat('1')).received.others).toBe(0);
    expect(roster.drain('nobody', true)).toBeUndefined();
  });
});

describe('two processes with one identity', () => {
  it('are both seen, and the newer is the node', () => {
    const roster = newRoster();
    const report = (instance: string) => roster.heartbeat(who('a'), beat(instance)).received.duplicate;
    report('1');
    expect(report('2')).toBeUndefined();
    expect(report('1')).toEqual({ url: 'http://2', newer: false });
    expect(report('2')).toEqual({ url: 'http://1', newer: true });
    expect(roster.list()).toMatchObject([{ heartbeat: { instance: '2' }, olderUrl: 'http://1' }]);
    expect([roster.isOlder('a', '1'), roster.isOlder('a', '2'), roster.isOlder('a', '3')]).toEqual([
      true,
      false,
      false,
    ]);
    time += 6_000;
    expect(roster.list()[0]).not.toHaveProperty('olderUrl');
    // The newer is gone.
    expect(report('1')).toBeUndefined();
    expect(roster.list()).toMatchObject([{ heartbeat: { instance: '1' } }]);
  });

  it('are none where one replaces the other in order', () => {
    const roster = newRoster();
    roster.heartbeat(who('a'), beat('1'));
    roster.heartbeat(who('a'), beat('2'));
    roster.heartbeat(who('a'), beat('1', { state: 'stopped' }));
    expect(roster.heartbeat(who('a'), beat('2')).received.duplicate).toBeUndefined();
    expect(roster.heard()).toMatchObject([{ heartbeat: { instance: '2', state: 'ready' } }]);
  });
});
