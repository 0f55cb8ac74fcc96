/** What processes hold in memory, second by second, and whether it has grown. */
import { usageOf } from '../../gpu-node/src/trial/process-usage.ts';
import { quantile } from '../support/table.ts';

const EVERY_MS = 1_000;
/** By then everything has been loaded once. */
const SETTLED_AFTER_MS = 120_000;
/** How long is looked at for one figure: what is loaded just then is chance. */
const WINDOW_MS = 60_000;
const MOST_GROWTH = 1.1;

interface Sample {
  atMs: number;
  residentBytes: number;
}

export interface Growth {
  process: string;
  settledBytes: number;
  endBytes: number;
  mostBytes: number;
  /** The median of each minute. */
  byMinute: number[];
}

export class MemoryLog {
  readonly #samples = new Map<string, Sample[]>();
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;

  /** @param pids by what the process is called */
  constructor(pids: Record<string, number>) {
    this.#timer = setInterval(() => {
      for (const [name, pid] of Object.entries(pids)) void this.#look(name, pid);
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The medians of the minute after the second, and of the last one; none where it was not watched that long. */
  growth(): Growth[] {
    return [...this.#samples].flatMap(([process, samples]) => {
      const end = samples.at(-1)?.atMs ?? 0;
      if (end < SETTLED_AFTER_MS + 2 * WINDOW_MS) return [];
      const medianFrom = (from: number) =>
        quantile(
          samples
            .filter(({ atMs }) => atMs >= from && atMs < from + WINDOW_MS)
            .map(({ residentBytes }) => residentBytes),
          0.5,
        );
      const mostBytes = Math.max(...samples.map(({ residentBytes }) => residentBytes));
      const byMinute = Array.from({ length: Math.floor(end / WINDOW_MS) }, (_, i) => medianFrom(i * WINDOW_MS));
      const [settledBytes, endBytes] = [medianFrom(SETTLED_AFTER_MS), medianFrom(end - WINDOW_MS)];
      return [{ process, settledBytes, endBytes, mostBytes, byMinute }];
    });
  }

  violations(): string[] {
    return this.growth()
      .filter(({ settledBytes, endBytes }) => endBytes > settledBytes * MOST_GROWTH)
      .map(({ process, settledBytes, endBytes }) => `${process} grew from ${settledBytes} to ${endBytes} bytes`);
  }

  async #look(name: string, pid: number): Promise<void> {
    const usage = await usageOf(pid);
    if (!usage) return;
    const sample = { atMs: performance.now() - this.#began, residentBytes: usage.bytes };
    const samples = this.#samples.get(name);
    if (samples) samples.push(sample);
    else this.#samples.set(name, [sample]);
  }
}
