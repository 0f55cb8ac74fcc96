/**
 * The phases of one request for `server-timing` (W3C). On Cloudflare no clock advances during computation, so a phase
 * that took no measurable time is left out rather than shown as 0.
 */
export class Timings {
  /** A phase that came several times is told once, with the time of all. */
  readonly #phases = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  async measure<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = this.#now();
    try {
      return await work();
    } finally {
      this.add(name, this.#now() - start);
    }
  }

  add(name: string, ms: number): void {
    if (ms > 0) this.#phases.set(name, (this.#phases.get(name) ?? 0) + ms);
  }

  /** Phases that another server reported, under a prefix: `node-run;dur=4.2`. */
  addRemote(prefix: string, header: string | null): void {
    for (const metric of header?.split(',') ?? []) {
      const [, name, ms] = /^\s*([\w-]+);dur=([\d.]+)\s*$/.exec(metric) ?? [];
      if (name && ms) this.add(`${prefix}-${name}`, Number(ms));
    }
  }

  header(): string {
    return Array.from(this.#phases, ([name, ms]) => `${name};dur=${ms.toFixed(2)}`).join(', ');
  }
}
