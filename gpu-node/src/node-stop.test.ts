import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DIGEST_HEADER, encodeInferRequest, GRANT_HEADER, type Tensor } from '@lepton-edge/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type GatewayStandIn, GRANT } from './testing/gateway-stand-in.ts';
import { joinedNode, startGateway } from './testing/node-fixture.ts';
import { matMulModel } from './testing/onnx-file.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

async function startProcess(args: string[], env: Record<string, string> = {}) {
  const home = await mkdtemp(join(tmpdir(), 'gpu-node-'));
  const child = spawn(process.execPath, [MAIN, '--home', home, '--name', 'test-1', ...args], {
    env: { PATH: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
    await rm(home, { recursive: true });
  });
  return { child, exited, output: () => output };
}

const startJoined = (gateway: GatewayStandIn, args: string[] = []) =>
  startProcess(['--gateway', gateway.url, ...args], { LEPTON_TOKEN: 'join-token' });

/** A run of about `n`³ × `times` multiplications. */
async function multiply(gateway: GatewayStandIn, url: string, n: number, times: number): Promise<Response> {
  const shape: [number, number] = [n, n];
  const version = gateway.publish('matmul', matMulModel(times), {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, -1] }],
  });
  const input: Tensor = { name: 'x', datatype: 'FP32', shape, data: new Float32Array(n * n) };
  return await fetch(`${url}/v2/models/matmul/versions/1/infer`, {
    method: 'POST',
    body: encodeInferRequest({ inputs: [input] }),
    headers: {
      authorization: `Bearer ${await gateway.sign()}`,
      [DIGEST_HEADER]: version.digest,
      [GRANT_HEADER]: GRANT,
    },
  });
}

describe('stopping', () => {
  it('finishes what is under way, having told the gateway', async () => {
    const { gateway, node } = await joinedNode();
    const answer = multiply(gateway, node.url, 600, 8);
    await gateway.heartbeat((beat) => beat.loaded.length > 0);
    await Promise.all([node.stop(), node.stop()]);
    expect((await answer).status).toBe(200);
    expect(gateway.heartbeats.slice(-2).map(({ state }) => state)).toEqual(['draining', 'stopped']);
    await expect(fetch(`${node.url}/v2/health/live`)).rejects.toThrow();
  });

  it('answers what still comes while the gateway learns of it', async () => {
    const { gateway, node } = await joinedNode();
    gateway.says = { handoverMs: 5_000 };
    const stopped = node.stop();
    await gateway.heartbeat((beat) => beat.state === 'draining');
    const answer = await multiply(gateway, node.url, 10, 1);
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    expect((await fetch(`${node.url}/v2/health/ready`)).status).toBe(503);
    expect(await stopped).toEqual({ finished: true, exitable: true });
  });

  it('waits for no connection on which nothing has been asked', async () => {
    const { node } = await joinedNode();
    const { hostname, port } = new URL(node.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    expect(await node.stop()).toEqual({ finished: true, exitable: true });
  });

  it('is not what an operator’s drain does: the node stays, and says so', async () => {
    const { gateway, node, logged } = await joinedNode();
    gateway.says = { drained: true };
    await expect.poll(() => logged.some((line) => line.includes('no new work'))).toBe(true);
    expect((await multiply(gateway, node.url, 10, 1)).status).toBe(200);
    expect((await fetch(`${node.url}/v2/health/ready`)).status).toBe(200);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s, also when it is repeated', async (signal) => {
    const gateway = await startGateway();
    const { child, exited } = await startJoined(gateway);
    await gateway.heartbeat(() => true);
    child.kill(signal);
    child.kill(signal);
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(gateway.heartbeats.at(-1)?.state).toBe('stopped');
  });

  it('ends with 3 and in time while a run goes on that nothing can interrupt', async () => {
    const gateway = await startGateway();
    const { child, exited, output } = await startJoined(gateway, ['--drain-seconds', '2']);
    const { url } = await gateway.heartbeat(() => true);
    const lost = multiply(gateway, url, 1200, 400).catch(() => 'lost');
    await gateway.heartbeat((beat) => beat.inFlight > 0);
    const startedAt = performance.now();
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 3, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(output()).toContain('were cut off');
    expect(gateway.heartbeats.at(-1)?.state).toBe('stopped');
    expect(await lost).toBe('lost');
  });
});

describe('the command', () => {
  it('lists every mistake and exits with 2', async () => {
    const { exited, output } = await startProcess(['--port', 'x', '--what']);
    expect(await exited).toEqual({ code: 2, signal: null });
    for (const part of ['--gateway', '--port', '--what']) expect(output()).toContain(part);
  });

  it('exits with 1 when it may not join, with one clear sentence', async () => {
    const gateway = await startGateway();
    const without = await startProcess(['--gateway', gateway.url]);
    expect(await without.exited).toEqual({ code: 1, signal: null });
    expect(without.output()).toContain('LEPTON_TOKEN');
    const busy = await startProcess(['--gateway', gateway.url, '--port', new URL(gateway.url).port]);
    expect(await busy.exited).toEqual({ code: 1, signal: null });
    expect(busy.output()).toContain('EADDRINUSE');
  });

  it('explains itself', async () => {
    const { exited, output } = await startProcess(['--help']);
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(output()).toContain('Usage: lepton-gpu-node');
  });
});
