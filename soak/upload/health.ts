/** Watches how long a gateway lets a caller wait who asks for next to nothing, phase by phase. */

const EVERY_MS = 100;

export class Health {
  /** The longest wait in each phase, in ms. */
  readonly slowest = new Map<string, number>();
  readonly #url: string;
  #phase: string;
  #stopped = false;

  constructor(url: string, phase: string) {
    this.#url = url;
    this.#phase = phase;
    void this.#watch();
  }

  enter(phase: string): void {
    this.#phase = phase;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const phase = this.#phase;
      const began = performance.now();
      // One that fails took as long as it took.
      await fetch(`${this.#url}/v2/health/live`).then(
        (response) => response.arrayBuffer(),
        () => undefined,
      );
      const took = performance.now() - began;
      this.slowest.set(phase, Math.max(this.slowest.get(phase) ?? 0, took));
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}
