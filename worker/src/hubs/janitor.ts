/** Work that must happen later: one Durable Object a chore, each driven by its own alarm, which survives every restart. */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { gatewayOf } from '../gateway.ts';
import { log } from '../log.ts';
import type { AuditHead } from '../services/audit/chain.ts';
import { sealedHead } from '../services/audit/seal.ts';
import { type Chore, chores, isChore, type Work } from './chores.ts';

/** A chore that failed is tried again after this, doubled each time up to the limit. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

export class Janitor extends DurableObject<Env> {
  #failures = 0;
  /** The chore's work is on: a second caller waits for it and then does it again. */
  #working: Promise<unknown> = Promise.resolve();

  /** Sees to it that the chore is done in `delayMs`, or sooner; after what is on has ended. */
  async wake(chore: Chore, delayMs: number): Promise<void> {
    await this.ctx.storage.put('chore', chore);
    await this.#setAlarmBefore(Date.now() + delayMs);
  }

  /** For the janitor of the audit log: seals it, and answers where the sealed part ends. */
  async sealAudit(): Promise<AuditHead | undefined> {
    const work = this.#working.then(() => sealedHead(gatewayOf(this.env).db, this.ctx.storage));
    this.#working = work.catch(() => undefined);
    return await work;
  }

  override async alarm(): Promise<void> {
    const chore = await this.ctx.storage.get('chore');
    if (!isChore(chore)) return;
    let next: number | undefined;
    try {
      next = await this.#work(chore);
      this.#failures = 0;
    } catch (error) {
      log({ level: 'error', chore, error: String(error) });
      next = Date.now() + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
      this.#failures += 1;
    }
    if (next !== undefined) await this.#setAlarmBefore(next);
  }

  /** One at a time. */
  async #work(chore: Chore): Promise<number | undefined> {
    const doChore: Work = chores[chore];
    const work = this.#working.then(() => doChore(gatewayOf(this.env), this.ctx.storage));
    this.#working = work.catch(() => undefined);
    return await work;
  }

  async #setAlarmBefore(time: number): Promise<void> {
    const due = await this.ctx.storage.getAlarm();
    if (due === null || due > time) await this.ctx.storage.setAlarm(time);
  }
}
