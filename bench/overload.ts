/** A node that is asked more than it can do: what it still answers, how soon it refuses the rest, and how late its thread of HTTP is. */
import { tableOf } from '../soak/support/table.ts';
import { LineProcess } from './line-process.ts';
import type { Flood, FloodResult } from './open-loop.ts';

const TIMES = [1, 2, 5];
const WINDOW_MS = 3_000;

export interface Overloaded {
  /** As `bytesOf` makes it, in base64. */
  call: string;
  url: string;
  metricsUrl: string;
  /** Items per second that it does when it is asked no more than that. */
  capacity: number;
}

/** @returns a table: what was asked, as a multiple of the capacity, and what came of it */
export async function overload({ call, url, metricsUrl, capacity }: Overloaded): Promise<string> {
  const callers = LineProcess.start('bench/open-loop.ts');
  const rows: (string | number)[][] = [];
  try {
    for (const times of TIMES) {
      const flood: Flood = { url, call, perSecond: times * capacity, ms: WINDOW_MS };
      await delaysOf(metricsUrl);
      const came = await callers.ask<FloodResult>(flood);
      const delays = await delaysOf(metricsUrl);
      rows.push([
        `${times}×`,
        came.offered.toFixed(0),
        came.answered.toFixed(0),
        (came.answered / capacity).toFixed(2),
        came.p50Ms.toFixed(0),
        came.p99Ms.toFixed(0),
        came.refused.toFixed(0),
        Number.isNaN(came.refusedP99Ms) ? '' : came.refusedP99Ms.toFixed(1),
        delays['0.99'] ?? '',
        delays['0.999'] ?? '',
      ]);
    }
  } finally {
    await callers.stop();
  }
  const heads = ['asked', 'calls/s', 'answers/s', 'of capacity', 'p50 ms', 'p99 ms', '429/s', 'their p99 ms'];
  return tableOf([...heads, 'event loop p99 ms', 'p99.9 ms'], rows);
}

/** Of the event loop by quantile, in ms, since the last look. */
export async function delaysOf(metricsUrl: string): Promise<Record<string, string>> {
  const text = await (await fetch(metricsUrl)).text();
  const samples = text.matchAll(/^lepton_node_event_loop_delay_seconds\{quantile="([\d.]+)"\} (.+)$/gm);
  return Object.fromEntries(
    Array.from(samples, ([, quantile, seconds]) => [quantile, (Number(seconds) * 1000).toFixed(1)]),
  );
}
