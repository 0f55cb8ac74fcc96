/** Where faults happen: a gateway, two nodes in two regions, a model that either may run and one that is pinned to a region. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeptonClient } from '@lepton-edge/client';
import type { ManifestInput, Tensor } from '@lepton-edge/protocol';
import { Callers, type KnownCall, learn, type Tally } from '../support/callers.ts';
import { SoakGateway } from '../support/gateway.ts';
import { GpuNode, type GpuNodeOptions } from '../support/gpu-node.ts';
import { matrixInput, matrixModel } from '../support/matrix-model.ts';

const CALLERS = 8;
const PAUSE_MS = 5;
const WIDTH = 256;
const LAYERS = 16;
/** How long callers are at work before a fault, and after it. */
const LOAD_MS = 400;
/** Until every isolate has learnt of a node. */
const KNOWN_AFTER_MS = 2_500;

export class Stage {
  readonly gateway: SoakGateway;
  readonly folder: string;
  readonly a: GpuNode;
  readonly b: GpuNode;
  readonly #made: GpuNode[] = [];
  #work: KnownCall | undefined;
  #pinned: KnownCall | undefined;

  constructor({ folder, port }: { folder: string; port: number }) {
    this.folder = folder;
    this.gateway = new SoakGateway({ home: join(folder, 'gateway'), port, nodes: 0, vars: {} });
    this.a = this.node({ name: 'a', flags: ['--region', 'first'] });
    this.b = this.node({ name: 'b', flags: ['--region', 'second'] });
  }

  /** What callers ask for; any node may run it. */
  get work(): KnownCall {
    return there(this.#work);
  }

  /** Only node `a` may run it. */
  get pinned(): KnownCall {
    return there(this.#pinned);
  }

  get client(): LeptonClient {
    return this.gateway.client(0);
  }

  /** A node that is not started yet; it ends with the stage. */
  node(options: Omit<GpuNodeOptions, 'home'>): GpuNode {
    const node = new GpuNode(() => this.gateway.client(), { ...options, home: join(this.folder, options.name) });
    this.#made.push(node);
    return node;
  }

  /** Resolves when all of the gateway knows of it. @returns how long it took until the gateway gave it work, in ms */
  async start(node: GpuNode): Promise<number> {
    const tookMs = await node.start();
    await sleep(KNOWN_AFTER_MS);
    return tookMs;
  }

  async set(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await this.gateway.start();
    await Promise.all([this.start(this.a), this.start(this.b)]);
    this.#work = await this.publish('work', matrixModel(WIDTH, LAYERS), {}, matrixInput(WIDTH, 1));
    this.#pinned = await this.publish('pinned', matrixModel(WIDTH, 2, 2), inRegions('first'), matrixInput(WIDTH, 2));
  }

  /** Makes a model with one version. @returns a call of it on a node; the answer is the edge's where that may run it */
  async publish(
    name: string,
    onnx: Uint8Array<ArrayBuffer>,
    manifest: ManifestInput,
    input: Tensor,
  ): Promise<KnownCall> {
    const { client } = this;
    await client.models.create({ name });
    const { version } = await client.versions.upload(name, onnx, { cache: { ttlSeconds: 0 }, ...manifest });
    await client.versions.waitReady(name, version);
    const at = (place: 'edge' | 'node') => (signal?: AbortSignal) =>
      this.client.infer(name, [input], { place, ...(signal && { signal }) });
    const { expected } = await learn(name, at(manifest.placement?.policy === 'node' ? 'node' : 'edge'));
    return { model: name, call: at('node'), expected };
  }

  /** Does something while callers ask for work. @param doing is told what they saw so far */
  async underLoad(doing: (soFar: Tally) => Promise<void>): Promise<Tally> {
    const callers = new Callers([this.work], CALLERS, PAUSE_MS);
    try {
      await sleep(LOAD_MS);
      await doing(callers.tally);
      await sleep(LOAD_MS);
    } finally {
      await callers.stop();
    }
    return callers.tally;
  }

  /** Which of the two answered last. */
  async busier({ placement }: Tally): Promise<GpuNode> {
    const seen = await this.a.seen();
    return placement === `node:${seen?.id}` ? this.a : this.b;
  }

  async strike(): Promise<void> {
    await Promise.all(this.#made.map((node) => node.destroy()));
    await this.gateway.destroy();
  }
}

/** Of a model that only the nodes of these regions may run. */
export function inRegions(...regions: string[]): ManifestInput {
  return { placement: { policy: 'node', regions } };
}

function there(call: KnownCall | undefined): KnownCall {
  if (call) return call;
  throw new Error('the stage is not set');
}
