/** Progress on a terminal and elsewhere. */
import { expect, it } from 'vitest';
import { Progress } from './progress.ts';

function progressOn(stream: { isTTY?: boolean; columns?: number }, silent = false) {
  const written: string[] = [];
  let clock = 0;
  const progress = new Progress({ ...stream, write: (text) => written.push(text) }, { silent, now: () => clock });
  const wait = (ms: number) => {
    clock += ms;
  };
  return { progress, written, wait };
}

const MIB = 1024 ** 2;

it('draws a bar with speed and time left on a terminal, and takes it away', () => {
  const { progress, written, wait } = progressOn({ isTTY: true, columns: 200 });
  progress.bytes('a.onnx  sending', 0, 100 * MIB);
  wait(50);
  progress.bytes('a.onnx  sending', 10 * MIB, 100 * MIB);
  wait(9950);
  progress.bytes('a.onnx  sending', 50 * MIB, 100 * MIB);
  progress.clear();
  expect(written).toHaveLength(3);
  expect(written[1]).toBe(
    '\r\u001b[Ka.onnx  sending  [############------------]  50 %  50.0 MiB of 100 MiB  5.0 MiB/s, 10 s left',
  );
  expect(written[2]).toBe('\r\u001b[K');
});

it('fits the line into the terminal', () => {
  const { progress, written } = progressOn({ isTTY: true, columns: 20 });
  progress.waiting('a text that is longer than the line');
  expect(written).toEqual(['\r\u001b[Ka text that is long']);
});

it('writes a plain line every few seconds elsewhere, none for short work', () => {
  const { progress, written, wait } = progressOn({});
  for (let second = 0; second < 12; second += 1) {
    progress.bytes('a.onnx  sending', second * MIB, 100 * MIB);
    wait(1000);
  }
  expect(written).toHaveLength(2);
  expect(written[0]).toBe('a.onnx  sending: 5.0 MiB of 100 MiB  1.0 MiB/s, 95 s left\n'.replace('95 s', '2 min'));
});

it('is silent where only errors belong on stderr', () => {
  const { progress, written, wait } = progressOn({}, true);
  progress.waiting('one');
  wait(60_000);
  progress.waiting('two');
  expect(written).toEqual([]);
});
