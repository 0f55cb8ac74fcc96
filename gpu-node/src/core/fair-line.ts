/** Who waits, in the order of their turns: tenants take turns by items, and among its own requests a tenant's priorities count. Pure. */

export interface InLine {
  readonly tenant: string;
  /** Within a tenant the lower goes first. */
  readonly turn: number;
  readonly items: number;
}

/** What one tenant has in the line. */
interface Share<T> {
  /** By turn. */
  waiting: T[];
  /** The items it was given, counted from where the others were when it came. */
  served: number;
}

export class FairLine<T extends InLine> {
  readonly #shares = new Map<string, Share<T>>();
  /** What those who wait were given at least: who comes now starts from there, and catches up on nothing. */
  #served = 0;
  #items = 0;

  /** Of all that wait. */
  get items(): number {
    return this.#items;
  }

  add(job: T): void {
    this.#items += job.items;
    const share = this.#shareOf(job.tenant);
    const { waiting } = share;
    if (waiting.length === 0) share.served = Math.max(share.served, this.#served);
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] as T).turn > job.turn) at--;
    if (at === waiting.length) waiting.push(job);
    else waiting.splice(at, 0, job);
  }

  #shareOf(tenant: string): Share<T> {
    let share = this.#shares.get(tenant);
    if (!share) {
      share = { waiting: [], served: this.#served };
      this.#shares.set(tenant, share);
    }
    return share;
  }

  /** Everybody, the next one first. Must not be read on after a change. */
  inTurn(): Iterable<T> {
    if (this.#shares.size > 1) return inTurns([...this.#shares.values()]);
    for (const { waiting } of this.#shares.values()) return waiting;
    return [];
  }

  /** Takes out those whose turn it is. */
  take(jobs: readonly T[]): void {
    this.#takeOut(jobs);
    for (const { tenant, items } of jobs) this.#shareOf(tenant).served += Math.max(1, items);
    this.#settle();
  }

  /** Takes out those who wait for nothing any more. */
  drop(jobs: readonly T[]): void {
    this.#takeOut(jobs);
    this.#settle();
  }

  /** @param jobs all in the line */
  #takeOut(jobs: readonly T[]): void {
    for (const { items } of jobs) this.#items -= items;
    let leaving: Set<T> | undefined;
    for (const share of this.#shares.values()) {
      const { waiting } = share;
      let first = 0;
      while (first < jobs.length && waiting[first] === jobs[first]) first++;
      if (first === jobs.length) {
        waiting.splice(0, first);
        return;
      }
      leaving ??= new Set(jobs);
      const all = leaving;
      share.waiting = waiting.filter((job) => !all.has(job));
    }
  }

  /** Who had more than those that wait must be remembered when it comes again. Where nobody waits, nobody was kept from anything. */
  #settle(): void {
    if (this.#shares.size === 1) {
      for (const { served } of this.#shares.values()) this.#served = served;
      return;
    }
    let least = Number.POSITIVE_INFINITY;
    let most = 0;
    for (const { waiting, served } of this.#shares.values()) {
      if (waiting.length > 0) least = Math.min(least, served);
      most = Math.max(most, served);
    }
    this.#served = Math.max(this.#served, least === Number.POSITIVE_INFINITY ? most : least);
    for (const [tenant, { waiting, served }] of this.#shares) {
      if (waiting.length === 0 && served <= this.#served) this.#shares.delete(tenant);
    }
  }

  /** How many of those that wait go before one that would come now. */
  ahead(tenant: string, turn: number): number {
    const share = this.#shares.get(tenant);
    const own = share?.waiting ?? [];
    let before = own.length;
    while (before > 0 && (own[before - 1] as T).turn > turn) before--;
    let ahead = before;
    if (this.#shares.size === (share ? 1 : 0)) return ahead;
    // What its tenant will have been given by then: of the others those go before that are due below that.
    let due = Math.max(share?.served ?? 0, own.length > 0 ? 0 : this.#served);
    for (const { items } of own.slice(0, before)) due += Math.max(1, items);
    for (const [other, { waiting, served }] of this.#shares) {
      let given = served;
      for (let at = 0; other !== tenant && at < waiting.length && given < due; at++) {
        ahead++;
        given += Math.max(1, (waiting[at] as T).items);
      }
    }
    return ahead;
  }
}

/** Always the next of the tenant that was given least, all before counted. */
function* inTurns<T extends InLine>(shares: readonly Share<T>[]): Generator<T> {
  const lanes = shares.map(({ waiting, served }) => ({ waiting, served, at: 0 }));
  for (;;) {
    let next: (typeof lanes)[number] | undefined;
    for (const lane of lanes) {
      if (lane.at < lane.waiting.length && (!next || lane.served < next.served)) next = lane;
    }
    if (!next) return;
    const job = next.waiting[next.at++] as T;
    next.served += Math.max(1, job.items);
    yield job;
  }
}
