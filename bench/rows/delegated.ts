/** Inference on a node by way of the gateway, against calling the node itself; and what the Portkey gateway adds to an upstream. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManifestInput } from '@lepton-edge/protocol';
import { findFreePort } from '../../standalone/src/preflight.ts';
import { Program, ROOT } from '../../test/support/program.ts';
import type { Bench, Subject } from '../bench.ts';
import { callToken } from '../call-token.ts';
import { LineProcess } from '../line-process.ts';
import { createMatrix, matrixBinaryCall, matrixCall } from '../matrix-calls.ts';
import type { Call } from '../raw-connection.ts';
import { inRounds, less, over } from '../row.ts';
import { floorOf } from '../worker-servers.ts';

const ON_NODE: ManifestInput = { placement: { policy: 'node' }, cache: { ttlSeconds: 0 } };
const PORTKEY = 'bench/peers/node_modules/@portkey-ai/gateway/build/start-server.js';
const STARTS_WITHIN_MS = 20_000;

export const delegated: Subject = async (bench) => {
  const gateway = await bench.gateway('gateway', { nodes: 1 });
  const client = gateway.client();
  await createMatrix(client, 'matrix', ON_NODE);
  const { digest } = await client.versions.get('matrix', 1);
  const [node] = (await client.nodes.list()).items;
  if (!node?.url) throw new Error('the gateway lists no node with an address');
  const floor = await floorOf(bench);
  const stub = await startStub(bench);
  const portkey = await startPortkey(bench);
  const p50 = async (url: string, call: Call) =>
    (await bench.callers(url, { calls: [call], callers: 1, ms: bench.windowMs })).p50Ms;
  const toGateway = (call: Call) => () => p50(gateway.url, call);
  const signed = async (call: Call): Promise<Call> => {
    const authorization = `Bearer ${await callToken(gateway.home, gateway.url, node.id)}`;
    const path = '/v2/models/matrix/versions/1/infer';
    return { ...call, path, headers: { ...call.headers, authorization, 'x-lepton-digest': digest } };
  };
  const toNode = (call: Call) => async () => await p50(String(node.url), await signed(call));
  const throughFloor = (call: Call) => async () => {
    const { path, headers, body } = await signed(call);
    return await p50(floor.url, {
      path: `/pass${path}`,
      headers: { ...headers, 'x-upstream': String(node.url) },
      body,
    });
  };
  const [json, binary] = [matrixCall('matrix', gateway.key), matrixBinaryCall('matrix', gateway.key)];
  const plain: Call = {
    path: '/v1/embeddings',
    headers: { 'content-type': 'application/json' },
    body: embeddingBody(),
  };
  const portkeyHeaders = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${stub}/v1`,
    authorization: 'Bearer x',
  };
  const p50s = await inRounds(bench.rounds, {
    gateway: toGateway(json),
    node: toNode(json),
    portkey: () => p50(portkey, { ...plain, headers: { ...plain.headers, ...portkeyHeaders } }),
    stub: () => p50(stub, plain),
    gatewayBinary: toGateway(binary),
    nodeBinary: toNode(binary),
    passed: throughFloor(binary),
  });
  const added = less(p50s.gateway, p50s.node);
  const addedBinary = less(p50s.gatewayBinary, p50s.nodeBinary);
  const addedByFloor = less(p50s.passed, p50s.nodeBinary);
  const addedByPortkey = less(p50s.portkey, p50s.stub);
  return [
    {
      id: 'delegated',
      what: 'inference on a node, JSON, added at p50 to calling the node',
      unit: 'ms',
      target: { atMost: 1 },
      ratios: added,
      samples: { gatewayP50Ms: p50s.gateway, nodeP50Ms: p50s.node },
    },
    {
      id: 'delegated-binary',
      what: 'the same in binary',
      unit: 'ms',
      target: { atMost: 1 },
      ratios: addedBinary,
      samples: { gatewayP50Ms: p50s.gatewayBinary, nodeP50Ms: p50s.nodeBinary },
    },
    {
      id: 'delegated-floor',
      what: 'added at p50 by a Worker that only passes the same binary call on, for comparison',
      unit: 'ms',
      ratios: addedByFloor,
      samples: { passedP50Ms: p50s.passed, nodeP50Ms: p50s.nodeBinary },
    },
    {
      id: 'delegated-portkey',
      what: 'what that adds in JSON, of what the Portkey gateway adds to a stub',
      target: { atMost: 0.5 },
      ratios: over(added, addedByPortkey),
      samples: { addedMs: added, addedByPortkeyMs: addedByPortkey },
    },
  ];
};

async function startStub(bench: Bench): Promise<string> {
  const stub = bench.own(LineProcess.start('bench/stub-upstream.ts'));
  return (await stub.line('listening')).split(' ')[1] ?? '';
}

async function startPortkey(bench: Bench): Promise<string> {
  const port = await findFreePort();
  const program = Program.run(process.execPath, [join(ROOT, PORTKEY), `--port=${port}`, '--headless']);
  bench.own({ stop: () => program.destroy() });
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (
    !(await fetch(url).then(
      (response) => response.ok,
      () => false,
    ))
  ) {
    if (performance.now() > deadline) throw new Error(`the Portkey gateway did not start:\n${program.output}`);
    await sleep(100);
  }
  return url;
}

/** 1 KB. */
function embeddingBody(): string {
  return JSON.stringify({ model: 'stub', input: 'What is your age? '.repeat(56) });
}
