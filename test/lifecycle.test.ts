/** `npm start` as a person or a service manager lives with it: starts, ends, restarts, and what goes wrong. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeptonClient } from '@lepton-edge/client';
import { examples } from '@lepton-edge/examples';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../standalone/src/preflight.ts';
import { uploadReady } from './support/api.ts';
import { Program } from './support/program.ts';
import { tinyModel } from './support/tiny-model.ts';

const END_LIMIT_MS = 30_000;
const FIRST_START_MS = 240_000;

let folder: string;
let home: string;
let port: number;
let url: string;
let programs: Program[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-life-'));
  home = join(folder, 'home');
  port = await findFreePort();
  url = `http://127.0.0.1:${port}`;
});

afterEach(async () => {
  await Promise.all(programs.map((program) => program.destroy()));
  programs = [];
  await rm(folder, { recursive: true, force: true });
});

function npmStart(...flags: string[]): Program {
  const program = Program.run('npm', ['start', '--', '--port', String(port), '--home', home, ...flags]);
  programs.push(program);
  return program;
}

async function readyWithoutExamples(...flags: string[]): Promise<Program> {
  const program = npmStart('--no-examples', ...flags);
  await program.line(`ready ${url}`);
  return program;
}

const pidOf = async (name: string) => Number(await readFile(join(home, 'run', `${name}.pid`), 'utf8'));
const admin = async () =>
  new LeptonClient({ baseUrl: url, key: (await readFile(join(home, 'admin.key'), 'utf8')).trim() });

/** The program ends soon with this status, and nothing of it is left. */
async function expectEnd(program: Program, code: number): Promise<void> {
  expect(await endOf(program), program.output).toEqual({ code, signal: null });
  expect(program.processes()).toEqual([]);
}

async function endOf(program: Program) {
  return await Promise.race([program.exited, sleep(END_LIMIT_MS, 'late', { ref: false })]);
}

async function eventually(check: () => Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`still not so after ${limitMs} ms`);
    await sleep(100);
  }
}

/** What the shell makes of the printed command: the arguments curl would get. */
function curlArguments(command: string): string[] {
  const script = `curl() { for argument in "$@"; do printf '%s\\0' "$argument"; done; }; ${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

/** Sends what curl would: `-i URL -H header … --data @file`. */
async function sendAsCurl([, address = '', ...options]: string[]): Promise<Response> {
  const headers = new Headers();
  let body: string | undefined;
  for (let i = 0; i < options.length; i += 2) {
    const value = options[i + 1] ?? '';
    if (options[i] === '-H') headers.append(value.slice(0, value.indexOf(':')), value.slice(value.indexOf(':') + 1));
    if (options[i] === '--data') body = await readFile(value.slice(1), 'utf8');
  }
  return fetch(address, { headers, ...(body === undefined ? {} : { method: 'POST', body }) });
}

describe('two starts', { timeout: 2 * FIRST_START_MS }, () => {
  it('loads and runs the examples, says how to go on, and keeps everything for the second', async () => {
    const first = npmStart();
    await first.line('try it');
    const table = first.lines().slice(first.lines().findIndex((line) => line.startsWith('model ')));
    for (const { name } of examples)
      expect(table).toContainEqual(expect.stringMatching(`^${name} +(edge|node local-1) +`));
    expect(first.lines()).toContain(`ready ${url}`);
    expect(first.lines()).toContainEqual(expect.stringMatching(`^console +${url}/$`));
    expect((await stat(join(home, 'admin.key'))).mode & 0o777).toBe(0o600);

    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch('text/html');
    const command = (await first.line('try it')).replace(/^try it +/, '');
    const answer = await sendAsCurl(curlArguments(command));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toHaveProperty('outputs');

    const key = await readFile(join(home, 'admin.key'), 'utf8');
    const models = await (await admin()).models.list();
    expect(models.items.map((model) => model.name).sort()).toEqual(examples.map((example) => example.name).sort());
    first.signal('SIGTERM');
    await expectEnd(first, 0);

    const second = npmStart();
    await second.line('try it');
    expect(second.output).not.toContain('loading ');
    expect(await readFile(join(home, 'admin.key'), 'utf8')).toBe(key);
    expect(await (await admin()).models.list()).toEqual(models);
    second.signalGroup('SIGINT');
    await expectEnd(second, 0);
  });
});

describe('the end', () => {
  it('SIGINT to npm alone ends everything', async () => {
    const program = await readyWithoutExamples();
    program.signal('SIGINT');
    await expectEnd(program, 0);
  });

  it('a signal to the group, repeated, ends everything once', async () => {
    const program = await readyWithoutExamples('--nodes', '2');
    expect(program.processes().length).toBeGreaterThanOrEqual(5);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGINT', 'SIGTERM'] as const) {
      program.signalGroup(signal);
      await sleep(50);
    }
    await expectEnd(program, 0);
  });

  it.each([400, 1_000, 1_600, 2_200])('a signal %i ms after npm has begun ends everything', async (delayMs) => {
    const program = npmStart('--no-examples');
    await program.line('> exec node');
    await sleep(delayMs);
    program.signalGroup('SIGINT');
    await sleep(100);
    program.signalGroup('SIGINT');
    // The second may come when Node has already let go of signals, on its way out.
    const ends = [
      { code: 0, signal: null },
      { code: null, signal: 'SIGINT' },
    ];
    expect(ends).toContainEqual(await endOf(program));
    expect(program.processes()).toEqual([]);
  });

  it('what was killed as a whole starts again, with its models', async () => {
    const program = await readyWithoutExamples();
    await (await admin()).models.create({ name: 'kept' });
    await program.destroy();
    const again = await readyWithoutExamples();
    expect((await (await admin()).models.list()).items.map((model) => model.name)).toEqual(['kept']);
    again.signal('SIGTERM');
    await expectEnd(again, 0);
  });
});

describe('a start that cannot be', () => {
  it('says that the port is in use', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    const program = npmStart('--no-examples');
    await expectEnd(program, 1);
    expect(program.output).toContain(`port ${port} on 127.0.0.1 is in use: choose another with --port N`);
    taken.close();
  });

  it('says that the home cannot be written', async () => {
    await mkdir(folder, { recursive: true });
    home = '/dev/null/home';
    const program = npmStart('--no-examples');
    await expectEnd(program, 1);
    expect(program.output).toMatch(/the home \/dev\/null\/home cannot be written \(.+\): name another with --home DIR/);
  });

  it('says that the home is in use', async () => {
    await readyWithoutExamples('--nodes', '0');
    const other = Program.run('npm', ['start', '--', '--port', String(await findFreePort()), '--home', home]);
    programs.push(other);
    await expectEnd(other, 1);
    expect(other.output).toContain(`a gateway is already running on this home at ${url}`);
  });

  it('says which flag is wrong', async () => {
    const program = npmStart('--nodes', 'many');
    await expectEnd(program, 1);
    expect(program.output).toContain('--nodes: expected a whole number from 0 to 64, got "many"');
  });
});

describe('a process that dies', () => {
  it('workerd: one sentence, and everything ends', async () => {
    const program = await readyWithoutExamples();
    const before = program.lines().length;
    const pid = await pidOf('workerd');
    process.kill(pid, 'SIGKILL');
    await expectEnd(program, 1);
    const sentence = `workerd (process ${pid}) was killed by SIGKILL: the gateway cannot go on without it`;
    expect(
      program
        .lines()
        .slice(before - 1)
        .filter((line) => line !== ''),
    ).toContain(sentence);
  });

  it('npm start itself: the next one ends what was left, takes the same port and keeps everything', async () => {
    const first = await readyWithoutExamples();
    await (await admin()).models.create({ name: 'kept' });
    const left = [await pidOf('workerd'), await pidOf('local-1')];
    const main = first.processes().filter((pid) => !left.includes(pid));
    for (const pid of main) process.kill(pid, 'SIGKILL');
    const second = await readyWithoutExamples();
    for (const pid of left) expect(second.output).toContain(`(process ${pid}), which an earlier run left behind`);
    expect((await (await admin()).models.get('kept')).name).toBe('kept');
    expect(first.processes()).toEqual([]);
  });

  it('a gpu-node: one line, a restart, and its callers wait for it', async () => {
    const program = await readyWithoutExamples();
    const client = await admin();
    for (const policy of ['edge', 'node'] as const) {
      await client.models.create({ name: `on-${policy}` });
      await uploadReady(client, `on-${policy}`, tinyModel(policy), {
        placement: { policy },
        cache: { ttlSeconds: 0 },
      });
    }
    const infer = (model: string) =>
      client.infer(model, [{ name: 'x', datatype: 'FP32', shape: [2], data: Float32Array.of(1, 2) }]);
    await eventually(async () => (await infer('on-node')).placement.startsWith('node:'));

    const pid = await pidOf('local-1');
    process.kill(pid, 'SIGKILL');
    const waiting = infer('on-node');
    expect((await infer('on-edge')).output('y').data).toEqual(Float32Array.of(-1, -2));

    const line = await program.line(`local-1 (gpu-node, process ${pid})`);
    expect(line).toMatch(/ was killed by SIGKILL: starting it again in 1 s /);
    expect((await waiting).placement).toMatch(/^node:/);
    expect(await pidOf('local-1')).not.toBe(pid);
    expect(program.lines().filter((text) => text.startsWith('local-1'))).toHaveLength(1);
    program.signal('SIGTERM');
    await expectEnd(program, 0);
  });
});
