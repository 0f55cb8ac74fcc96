/** What chaos is done to: a gateway, two nodes, and calls that take every way an answer can come. */
import { randomUUID } from 'node:crypto';
import { LeptonClient } from '@lepton-edge/client';
import type { ManifestInput, Tensor } from '@lepton-edge/protocol';
import { Stage } from '../faults/stage.ts';
import { Callers, type KnownCall, learn, type Tally } from '../support/callers.ts';
import { matrixInput, matrixModel } from '../support/matrix-model.ts';

const CALLERS = 8;
const PAUSE_MS = 5;
const WIDTH = 64;
const ASKED_AGAIN: ManifestInput = { cache: { ttlSeconds: 0 } };
const AT_THE_EDGE: ManifestInput = { placement: { policy: 'edge' } };
/** One answer of the model that fills caches: half a MiB. */
const FILLING = { width: 256, items: 512 };

export class Scene {
  readonly stage: Stage;
  #calls: KnownCall[] = [];

  constructor(options: { folder: string; port: number }) {
    this.stage = new Stage(options);
  }

  async set(): Promise<void> {
    const { stage } = this;
    await stage.set();
    const input = matrixInput(WIDTH, 3);
    await this.#publish('edge', [1], { ...ASKED_AGAIN, ...AT_THE_EDGE });
    await this.#publish('auto', [2], ASKED_AGAIN);
    await this.#publish('cached', [3], {});
    await this.#publish('moved', [4, 5], { ...ASKED_AGAIN, ...AT_THE_EDGE });
    await this.#publish('filling', [6], {}, FILLING.width);
    const [edge, auto, cached, before, after] = await Promise.all(
      ['edge', 'auto', 'cached', 'moved@1', 'moved@2'].map((ref) => this.#learn(ref, input)),
    );
    if (!edge || !auto || !cached || !before || !after) throw new Error('a call was not learnt');
    await this.move(1);
    const moved = { ...before, call: this.#call('moved', input), orElse: after.expected };
    this.#calls = [edge, auto, cached, moved, stage.work];
  }

  /** Callers at work while something is done, and until so many of their calls have ended. */
  async underLoad(least: number, doing: (soFar: Tally) => Promise<void>): Promise<Tally> {
    const callers = new Callers(this.#calls, CALLERS, PAUSE_MS);
    try {
      await callers.untilEnded(least / 4);
      await doing(callers.tally);
      await callers.untilEnded(least);
    } finally {
      await callers.stop();
    }
    return callers.tally;
  }

  /** Moves the alias of the model that has two versions. */
  async move(version: number): Promise<void> {
    await this.stage.client.aliases.put('moved', 'production', { targets: [{ version }], reason: 'chaos' });
  }

  /** One answer more for the cache, of half a MiB, that nobody asked for before. */
  async fill(): Promise<void> {
    const { width, items } = FILLING;
    const data = Float32Array.from({ length: width * items }, () => Math.random());
    await this.stage.client.infer('filling', [{ name: 'x', datatype: 'FP32', shape: [items, width], data }]);
  }

  /** A key of its own that may infer, and a call with it. */
  async key(): Promise<{ call: KnownCall; revoke: () => Promise<unknown> }> {
    const { client } = this.stage;
    const { id, secret } = await client.keys.create({ team: 'default', name: randomUUID(), scopes: ['infer'] });
    const theirs = new LeptonClient({ baseUrl: client.baseUrl, key: secret, retries: 0 });
    const input = matrixInput(WIDTH, 3);
    const call = await learn('edge', () => theirs.infer('edge', [input]));
    return { call, revoke: () => client.keys.revoke(id) };
  }

  async strike(): Promise<void> {
    await this.stage.strike();
  }

  /** @param seeds one a version */
  async #publish(name: string, seeds: number[], manifest: ManifestInput, width = WIDTH): Promise<void> {
    const { client } = this.stage;
    await client.models.create({ name });
    for (const seed of seeds) {
      const { version } = await client.versions.upload(name, matrixModel(width, 2, seed), manifest);
      await client.versions.waitReady(name, version);
    }
  }

  async #learn(ref: string, input: Tensor): Promise<KnownCall> {
    return await learn(ref, this.#call(ref, input));
  }

  #call(ref: string, input: Tensor): KnownCall['call'] {
    return (signal) => this.stage.client.infer(ref, [input], signal && { signal });
  }
}
