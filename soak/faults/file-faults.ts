/** Files of models that cannot be stored, are damaged on the node's disk, or come otherwise than their digest says. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { callOnce, type KnownCall, Tally } from '../support/callers.ts';
import { type GpuNode, until } from '../support/gpu-node.ts';
import { matrixInput, matrixModel } from '../support/matrix-model.ts';
import type { Fault } from './fault.ts';
import { inRegions } from './stage.ts';

const R2 = 'state/r2/lepton-edge-blobs/blobs';
const SMALL_DISK_MIB = 6;
const BIG = { width: 1024, layers: 2 };
/** Its pinned model's bytes are found by their number. */
const PINNED_WIDTH = 320;

export const corruptBlob: Fault = {
  name: 'corrupt blob',
  what: 'a byte changed in every file of models on the disk of a node, which is started again',
  told: [],
  async round(stage) {
    const tally = await stage.underLoad(async () => {
      await stage.a.terminate();
      for (const path of await filesIn(blobsOf(stage.a))) await damage(path);
      await stage.start(stage.a);
    });
    await callOnce(stage.pinned, tally);
    return { tally };
  },
};

let promised: { call: KnownCall; path: string } | undefined;

export const wrongDigest: Fault = {
  name: 'wrong digest',
  what: "a file damaged in the gateway's store, fetched by a node that has it not; then mended",
  told: ['503 unavailable'],
  async begin(stage) {
    const onnx = matrixModel(PINNED_WIDTH, 1, 3);
    const call = await stage.publish('promised', onnx, inRegions('first'), matrixInput(PINNED_WIDTH, 3));
    const sizes = await Promise.all(
      (await filesIn(join(stage.gateway.home, R2))).map(async (path) => ({ path, size: (await stat(path)).size })),
    );
    const path = sizes.find(({ size }) => size === onnx.byteLength)?.path;
    if (path === undefined) throw new Error("the model's file is not where R2 keeps its objects");
    promised = { call, path };
  },
  async round(stage) {
    if (!promised) throw new Error('the model was not made');
    const { call, path } = promised;
    await stage.a.terminate();
    await rm(blobsOf(stage.a), { recursive: true });
    await damage(path);
    const refused = new Tally();
    let recoveredMs = 0;
    const tally = await stage.underLoad(async () => {
      await stage.start(stage.a);
      await callOnce(call, refused);
      await damage(path);
      const mendedAt = performance.now();
      await until('the mended file is used', async () => await answers(call));
      recoveredMs = performance.now() - mendedAt;
    });
    const violations = refused.failed.size === 1 ? [] : ['damaged bytes were run'];
    tally.add(refused);
    return { tally, recoveredMs, violations };
  },
};

let small: { node: GpuNode; call: KnownCall; big: KnownCall } | undefined;

export const diskFull: Fault = {
  name: 'disk full',
  what: `a node whose disk of ${SMALL_DISK_MIB} MiB has no room for a model; then a node with room joins`,
  told: ['503 unavailable'],
  async begin(stage) {
    const shell = `mkdir -p "${join(stage.folder, 'small')}"
exec unshare --user --map-root-user --mount sh -ec 'mount -t tmpfs -o size=${SMALL_DISK_MIB}m tmpfs "$0"; exec "$@"' "${join(stage.folder, 'small')}" "$@"`;
    const node = stage.node({ name: 'small', flags: ['--region', 'small'], shell });
    await stage.start(node);
    const call = await stage.publish('fits', matrixModel(32, 1), inRegions('small'), matrixInput(32, 1));
    const input = matrixInput(BIG.width, 1);
    const big = await stage.publish('big', matrixModel(BIG.width, BIG.layers), inRegions('small', 'first'), input);
    small = { node, call, big };
  },
  async round(stage) {
    if (!small) throw new Error('there is no small node');
    const { call, big } = small;
    await stage.a.terminate();
    const refused = new Tally();
    const tally = await stage.underLoad(async () => {
      await callOnce(big, refused);
      // What is there goes on.
      for (let i = 0; i < 10; i++) await callOnce(call, refused);
      await stage.start(stage.a);
      await callOnce(big, refused);
    });
    const count = refused.failed.get('503 unavailable');
    const violations = [
      ...(count === 1 ? [] : [`the model without room failed ${count ?? 0} times, expected 1`]),
      ...(refused.answered === 11 ? [] : [`${refused.answered} of 11 others were answered`]),
      ...([...refused.sentences].some((said) => /disk|space/.test(said)) ? [] : ['nobody was told of the disk']),
    ];
    tally.add(refused);
    return { tally, violations };
  },
  async end() {
    await small?.node.terminate();
    return [];
  },
};

async function answers(call: KnownCall): Promise<boolean> {
  const tally = new Tally();
  await callOnce(call, tally);
  await sleep(100);
  return tally.answered > 0;
}

function blobsOf(node: GpuNode): string {
  return join(node.home, 'blobs/sha256');
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).map((name) => join(folder, name));
}

/** Changes a byte in the middle; a second time it is as it was. */
async function damage(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = bytes.byteLength >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  await writeFile(path, bytes);
}
