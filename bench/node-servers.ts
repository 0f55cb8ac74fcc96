/** What a node is measured beside, each a process of its own with one instance of the model on one thread: a naive server, and the engine alone. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LineProcess } from './line-process.ts';
import type { Workload } from './node-workloads.ts';

export type Server = 'node' | 'naive';

export interface NodeServers {
  raw: LineProcess;
  servers: Record<Server, { process: LineProcess; url: string }>;
  /** Of the node. */
  metricsUrl: string;
}

/** @param root gets the model, in the layout that a node reads */
export async function withServers<T>(
  workload: Workload,
  root: string,
  use: (servers: NodeServers) => Promise<T>,
): Promise<T> {
  const models = join(root, workload.name);
  const folder = join(models, workload.name, '1');
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'model.onnx');
  await writeFile(path, await workload.model());
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(workload.manifest));
  const fixed = ['--port', '0', '--metrics-address', '127.0.0.1:0'];
  const raw = LineProcess.start('bench/raw-loop.ts', workload.name, path);
  const node = LineProcess.start('gpu-node/src/main.ts', '--model-repository', models, ...fixed);
  const naive = LineProcess.start('bench/naive-server.ts', path);
  try {
    await raw.line('listening');
    const listening = await node.line('listening');
    const servers = {
      node: { process: node, url: urlIn(listening) },
      naive: { process: naive, url: urlIn(await naive.line('listening')) },
    };
    await node.line('model ready');
    return await use({ raw, servers, metricsUrl: String(JSON.parse(listening).metrics) });
  } finally {
    await Promise.all([raw, node, naive].map((each) => each.stop()));
  }
}

function urlIn(line: string): string {
  const url = /http:\/\/[\d.]+:\d+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`expected an address, got ${line}`);
  return url;
}
