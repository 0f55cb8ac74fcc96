import type { Heartbeat } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { SimulatedNode } from './simulated-node.ts';
import { VirtualTime } from './virtual-time.ts';

it('is another process once it was started again, which has nothing loaded and nothing of what the one before began', async () => {
  const time = new VirtualTime();
  const reports: Heartbeat[] = [];
  const report = (heartbeat: Heartbeat) => void reports.push(heartbeat);
  const options = { workMs: 20, atOnce: 4, isLoaded: false, loadMs: 1_000 };
  const node = new SimulatedNode(options, { time, random: () => 0.5, report, digest: 'v' });
  const ended: string[] = [];
  const ask = (name: string) => node.accept(1, (how) => ended.push(`${name} ${how} at ${time.now}`));
  time.at(100, () => ask('first'));
  time.at(600, () => node.become('down'));
  time.at(650, () => ask('second'));
  time.at(700, () => node.become('up'));
  time.at(800, () => ask('third'));
  await time.run(3_000);
  expect(ended).toEqual(['first silent at 600', 'second silent at 650', 'third ok at 1820']);
  expect(node.loads).toBe(2);
  const instances = reports.map(({ instance = '' }) => instance);
  expect(new Set(instances).size).toBe(2);
  expect(instances.toSorted()).toEqual(instances);
  expect(reports.at(-1)).toMatchObject({ loaded: [{ digest: 'v' }], inFlight: 0, queued: 0 });
});
