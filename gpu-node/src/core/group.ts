/** What would run together of those that wait. */
import { Batch } from '@lepton-edge/protocol';
import type { Waiting } from './job.ts';

export interface Group {
  jobs: readonly Waiting[];
  /** Absent for one that runs alone. */
  batch?: Batch;
  items: number;
  /** Nothing more would fit. */
  isFull: boolean;
  /** Until then it may wait for more. */
  ripeAt: number;
}

/** @param line all that wait, in turn */
export function groupOf(head: Waiting, line: Iterable<Waiting>): Group {
  if (!head.batchable || head.batchable.plan.withdrawn) {
    return { jobs: [head], items: head.items, isFull: true, ripeAt: head.ripeAt };
  }
  const { plan, member } = head.batchable;
  const batch = new Batch(plan, member);
  const jobs = [head];
  let { ripeAt } = head;
  for (const job of line) {
    if (batch.full) break;
    if (job === head || job.batchable?.plan !== plan || !batch.add(job.batchable.member)) continue;
    jobs.push(job);
    ripeAt = Math.min(ripeAt, job.ripeAt);
  }
  const { items, full } = batch;
  return jobs.length === 1 ? { jobs, items, isFull: full, ripeAt } : { jobs, batch, items, isFull: full, ripeAt };
}
