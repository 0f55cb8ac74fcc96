/** The local gpu-nodes: all started at once, waited for, then kept running. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeptonClient } from '@lepton-edge/client';
import { Failure } from './failure.ts';
import { GpuNode, type GpuNodeOptions } from './processes/gpu-node.ts';

const READY_POLL_MS = 100;
const READY_LIMIT_MS = 60_000;

export interface FleetOptions extends Omit<GpuNodeOptions, 'name' | 'createToken'> {
  count: number;
  client: LeptonClient;
}

/**
 * Starts `local-1` … `local-<count>` and waits until the gateway sees each ready.
 * @returns supervises them; settles only at the signal, or with a defect.
 * @throws Failure when one ends, or is not ready within a minute.
 */
export async function startFleet({ count, client, ...options }: FleetOptions): Promise<() => Promise<void>> {
  const names = Array.from({ length: count }, (_, i) => `local-${i + 1}`);
  const createToken = async () => (await client.nodes.createToken()).token;
  const began = new Date().toISOString();
  const nodes = await Promise.all(names.map((name) => GpuNode.start({ ...options, name, createToken })));
  await Promise.race([becomeReady(names, began, client, options.signal), ...nodes.map((node) => node.failedToStart())]);
  return async () => {
    await Promise.all(nodes.map((node) => node.supervise()));
  };
}

/** A report from before `began` is one of an earlier run, which the gateway may still remember. */
async function becomeReady(names: string[], began: string, client: LeptonClient, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + READY_LIMIT_MS;
  for (;;) {
    signal.throwIfAborted();
    const { items } = await client.nodes.list({ limit: 1000 });
    const ready = items.filter((node) => node.state === 'ready' && (node.lastSeenAt ?? '') >= began);
    const missing = names.filter((name) => !ready.some((node) => node.name === name));
    if (missing.length === 0) return;
    if (performance.now() > deadline) {
      throw new Failure(`the gateway did not see ${missing.join(', ')} ready within a minute: look into the log`);
    }
    await sleep(READY_POLL_MS, undefined, { signal });
  }
}
