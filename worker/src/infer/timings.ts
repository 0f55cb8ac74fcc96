/**
 * The phases of one request for `server-timing` (W3C): at each moment one of them is on, the one that was begun last, so that they
 * add up to the total. On Cloudflare no clock advances during computation, so a phase that took no measurable time is left out
 * rather than shown as 0.
 */
export class Timings {
  /** A phase that came several times is told once, with the time of all. */
  readonly #phases = new Map<string, number>();
  /** Of other servers, within phases of ours. */
  readonly #remote = new Map<string, number>();
  readonly #now: () => number;
  /** Phases that have begun and not ended, the last begun last. */
  readonly #open: { name: string }[] = [];
  #startedAt: number;
  /** Until then all time belongs to a phase. */
  #toldUntil: number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAt = now();
    this.#toldUntil = this.#startedAt;
  }

  /** Says that the request came at this time, that since then its key was checked, and since these timings were made its body came. */
  arrived(at: number): void {
    add(this.#phases, 'auth', this.#toldUntil - at);
    this.#startedAt = at;
    this.#tell('read');
  }

  async measure<T>(name: string, work: () => Promise<T>): Promise<T> {
    const phase = { name };
    this.#tellCurrent();
    this.#open.push(phase);
    try {
      return await work();
    } finally {
      this.#tellCurrent();
      this.#open.splice(this.#open.lastIndexOf(phase), 1);
    }
  }

  /** Says that so much of one phase was another one. */
  move(from: string, to: string, ms: number): void {
    this.#tellCurrent();
    const moved = Math.min(ms, this.#phases.get(from) ?? 0);
    if (moved <= 0) return;
    const left = (this.#phases.get(from) ?? 0) - moved;
    if (left > 0) this.#phases.set(from, left);
    else this.#phases.delete(from);
    add(this.#phases, to, moved);
  }

  /** Phases that another server reported, within one of ours, under a prefix: `node-run;dur=4.2`. */
  addRemote(prefix: string, header: string | null): void {
    for (const metric of header?.split(',') ?? []) {
      const at = metric.indexOf(DURATION);
      const name = metric.slice(0, Math.max(0, at)).trimStart();
      if (NAME.test(name)) add(this.#remote, `${prefix}-${name}`, Number(metric.slice(at + DURATION.length)));
    }
  }

  /** In ms, by phase; `other` is what belongs to none, `total` all of it. */
  phases(): Record<string, number> {
    this.#tellCurrent();
    const total = this.#toldUntil - this.#startedAt;
    return Object.fromEntries([...this.#phases, ...this.#remote, ...(total > 0 ? [['total', total] as const] : [])]);
  }

  header(): string {
    this.#tellCurrent();
    let text = '';
    for (const [name, ms] of this.#phases) text += metricOf(name, ms);
    for (const [name, ms] of this.#remote) text += metricOf(name, ms);
    const total = this.#toldUntil - this.#startedAt;
    return total > 0 ? text + metricOf('total', total).slice(0, -2) : text.slice(0, -2);
  }

  #tellCurrent(): void {
    this.#tell(this.#open.at(-1)?.name ?? 'other');
  }

  #tell(name: string): void {
    const now = this.#now();
    add(this.#phases, name, now - this.#toldUntil);
    this.#toldUntil = now;
  }
}

const DURATION = ';dur=';
const NAME = /^[\w-]+$/;

/** In ms, to a hundredth. */
function metricOf(name: string, ms: number): string {
  return `${name}${DURATION}${Math.round(ms * 100) / 100}, `;
}

function add(phases: Map<string, number>, name: string, ms: number): void {
  if (ms > 0) phases.set(name, (phases.get(name) ?? 0) + ms);
}
