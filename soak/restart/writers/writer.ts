/** What all writers have in common: a step again and again, until the gateway is killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeptonClient } from '@lepton-edge/client';
import type { Journal } from '../journal.ts';
import { below } from '../random.ts';

export interface WriterContext {
  /** Sends nothing twice by itself. */
  client: LeptonClient;
  journal: Journal;
  /** Ids of teams that may be granted something. */
  teams: readonly string[];
}

/** One change or a few, each recorded; ends at the first that is in doubt. */
export type Writer = (context: WriterContext) => Promise<void>;

/** After an answer that did not come, the gateway is looked for again. */
const PAUSE_MS = 50;

export async function keepWriting(writer: Writer, context: WriterContext, pauseMs: number, until: AbortSignal) {
  while (!until.aborted) {
    await writer(context);
    await sleep(context.journal.dying ? PAUSE_MS : pauseMs / 2 + below(pauseMs));
  }
}
