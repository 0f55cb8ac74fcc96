/** Watches how much memory a process holds, phase by phase. */
import { usageOf } from '../../gpu-node/src/trial/process-usage.ts';

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
    this.last = (await usageOf(pid))?.bytes ?? 0;
    this.peaks.set(phase, Math.max(this.peaks.get(phase) ?? 0, this.last));
  }
}
