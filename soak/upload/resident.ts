/** Watches how much memory a process holds, phase by phase. */
import { readFile } from 'node:fs/promises';

const EVERY_MS = 100;

export class Resident {
  /** The most in each phase, in bytes. */
  readonly peaks = new Map<string, number>();
  last = 0;
  #phase: string;
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number, phase: string) {
    this.#phase = phase;
    this.#timer = setInterval(() => void this.#look(pid), EVERY_MS);
  }

  enter(phase: string): void {
    this.#phase = phase;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(pid: number): Promise<void> {
    const phase = this.#phase;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    this.last = kib * 1024;
    this.peaks.set(phase, Math.max(this.peaks.get(phase) ?? 0, this.last));
  }
}
