/** The soak `restart`: writers at work, the gateway killed at random moments, and everything acknowledged there again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { checkCollected, type Leftovers, untilCollected } from './restart/checks/collected.ts';
import { Checked, checkAnswers, checkFiles } from './restart/checks/files.ts';
import { checkRegistry } from './restart/checks/registry.ts';
import { checkRows } from './restart/checks/rows.ts';
import { Journal, type Limits, type Tally } from './restart/journal.ts';
import { moveAlias } from './restart/writers/aliases.ts';
import { keepModels } from './restart/writers/keeper.ts';
import { newUploader } from './restart/writers/uploads.ts';
import { writeVersion } from './restart/writers/versions.ts';
import { keepWriting, type Writer } from './restart/writers/writer.ts';
import { type Kill, SoakGateway } from './support/gateway.ts';
import { withStored } from './support/stored.ts';

export interface RestartOptions {
  home: string;
  port: number;
  /** As many kills. */
  rounds: number;
  /** No round begins after this. */
  untilMs: number;
  limits: Limits;
  say: (line: string) => void;
}

export interface RestartResult {
  kills: Record<Kill, number>;
  tallies: Map<string, Tally>;
  violations: readonly string[];
  /** From the start again until it serves, a value a kill. */
  recoveryMs: number[];
  admittedAfterMs: number;
  collectedAfterMs: number;
  leftovers: Leftovers;
  auditEntries: number;
}

/** How often it is workerd alone, the program around it, and all of it. */
const ORDER: readonly Kill[] = ['workerd', 'group', 'workerd', 'standalone'];
const SHORTEST_WORK_MS = 1_000;
const MORE_WORK_MS = 3_000;
/** A gateway killed before it acknowledged a version of each kind, as a slow machine's would be, shows nothing. */
const VERSIONS = ['version of a body', 'version of files'];
const WRITTEN_WITHIN_MS = 60_000;
const ADMITTED_WITHIN_MS = 120_000;
const VERSION_PAUSE_MS = 500;
const UPLOAD_PAUSE_MS = 40;
const ALIAS_PAUSE_MS = 30;
const KEEP_PAUSE_MS = 60;

export async function soakRestart(options: RestartOptions): Promise<RestartResult> {
  const { home, port, limits, say } = options;
  const vars = {
    GC_GRACE_SECONDS: String(limits.graceMs / 1000),
    UPLOAD_TTL_SECONDS: String(limits.uploadTtlMs / 1000),
  };
  const gateway = new SoakGateway({ home, port, nodes: 1, vars });
  try {
    await gateway.start();
    say(`ready ${gateway.url}`);
    return await new RestartSoak(gateway, options).run();
  } finally {
    await gateway.destroy();
  }
}

class RestartSoak {
  readonly #gateway: SoakGateway;
  readonly #options: RestartOptions;
  readonly #journal: Journal;
  readonly #checked = new Checked();
  readonly #kills: Record<Kill, number> = { workerd: 0, standalone: 0, group: 0 };
  readonly #recoveryMs: number[] = [];

  constructor(gateway: SoakGateway, options: RestartOptions) {
    this.#gateway = gateway;
    this.#options = options;
    this.#journal = new Journal(options.limits);
  }

  async run(): Promise<RestartResult> {
    const { rounds, untilMs, limits, say } = this.#options;
    const journal = this.#journal;
    const began = performance.now();
    const work = await this.#prepare();
    for (let round = 1; round <= rounds && performance.now() - began < untilMs; round++) {
      const kill = ORDER[round % ORDER.length] ?? 'workerd';
      await this.#killAtWork(work, kill);
      await this.#check();
      const sum = [...journal.tallies.values()].reduce((total, { acknowledged }) => total + acknowledged, 0);
      say(`round ${round}: ${kill} killed, ${sum} acknowledged, ${journal.violations.length} violations`);
    }
    const admittedAfterMs = await this.#untilAdmitted();
    // Everything once more, from the beginning.
    Object.assign(this.#checked, new Checked());
    await this.#check();
    const { entries } = await this.#gateway.client().audit.verify();
    await this.#gateway.stop();
    this.#gateway.vars.GC_GRACE_SECONDS = '1';
    await this.#gateway.start();
    const collectedAfterMs = await untilCollected(this.#gateway.home, journal, limits.uploadTtlMs + 60_000);
    await checkRegistry(this.#gateway.client(), journal);
    await this.#gateway.stop();
    const leftovers = await withStored(this.#gateway.home, (stored) => {
      checkRows(stored, journal);
      return checkCollected(stored, journal);
    });
    const { tallies, violations } = journal;
    const [kills, recoveryMs] = [this.#kills, this.#recoveryMs];
    return {
      kills,
      tallies,
      violations,
      recoveryMs,
      admittedAfterMs,
      collectedAfterMs,
      leftovers,
      auditEntries: entries,
    };
  }

  /** The teams that are granted things, and the writers, which remember over every kill. */
  async #prepare(): Promise<(until: AbortSignal) => Promise<unknown>> {
    const { teams } = this.#gateway.client();
    const made = [await teams.create({ name: 'first' }), await teams.create({ name: 'second' })];
    const context = { client: this.#gateway.client(0), journal: this.#journal, teams: made.map(({ id }) => id) };
    await keepModels(context);
    const writers: [Writer, number][] = [
      [writeVersion, VERSION_PAUSE_MS],
      ...Array.from({ length: 4 }, (): [Writer, number] => [newUploader(), UPLOAD_PAUSE_MS]),
      [moveAlias, ALIAS_PAUSE_MS],
      [moveAlias, ALIAS_PAUSE_MS],
      [moveAlias, ALIAS_PAUSE_MS],
      [keepModels, KEEP_PAUSE_MS],
    ];
    return (until) => Promise.all(writers.map(([writer, pauseMs]) => keepWriting(writer, context, pauseMs, until)));
  }

  async #killAtWork(work: (until: AbortSignal) => Promise<unknown>, kill: Kill): Promise<void> {
    const journal = this.#journal;
    const stop = new AbortController();
    const working = work(stop.signal);
    const moment = sleep(SHORTEST_WORK_MS + Math.random() * MORE_WORK_MS);
    await Promise.race([working, Promise.all([moment, this.#untilWritten()])]);
    journal.dying = true;
    const killed = this.#gateway.kill(kill);
    stop.abort();
    await Promise.all([killed, working]);
    this.#kills[kill]++;
    // What the killed program leaves behind still holds the files; the next start ends it.
    if (kill !== 'standalone') await withStored(this.#gateway.home, (stored) => checkRows(stored, journal));
    this.#recoveryMs.push(await this.#gateway.start());
    journal.dying = false;
  }

  async #untilWritten(): Promise<void> {
    const isMissing = (kind: string) => !this.#journal.tallies.get(kind)?.acknowledged;
    const giveUpAt = performance.now() + WRITTEN_WITHIN_MS;
    for (let missing = VERSIONS.filter(isMissing); missing.length > 0; missing = VERSIONS.filter(isMissing)) {
      if (performance.now() > giveUpAt) return this.#journal.violate(`not acknowledged in a minute: ${missing.join()}`);
      await sleep(100);
    }
  }

  async #check(): Promise<void> {
    const client = this.#gateway.client();
    await checkRegistry(client, this.#journal);
    await checkFiles(client, this.#journal, this.#checked);
    await checkAnswers(client, this.#journal, this.#checked);
    await client.audit.verify().catch((error: unknown) => this.#journal.violate(`the audit log: ${error}`));
  }

  /** Whatever was cut in its admission is decided. */
  async #untilAdmitted(): Promise<number> {
    const began = performance.now();
    for (;;) {
      const admitting = await checkAnswers(this.#gateway.client(), this.#journal, this.#checked);
      const took = performance.now() - began;
      if (admitting === 0) return took;
      if (took > ADMITTED_WITHIN_MS) {
        this.#journal.violate(`${admitting} versions are still in admission after ${Math.round(took / 1000)} s`);
        return took;
      }
      await sleep(500);
    }
  }
}
