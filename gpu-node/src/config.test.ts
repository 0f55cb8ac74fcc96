import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const GATEWAY = ['--gateway', 'http://127.0.0.1:8787/'];

describe('readConfig', () => {
  it('takes flags over environment over defaults', () => {
    const env = { LEPTON_TOKEN: 'secret', LEPTON_NODE_NAME: 'from-env', LEPTON_NODE_LABELS: 'a=1,b=x=y' };
    const result = readConfig([...GATEWAY, '--name', 'local-1', '--port', '9000'], env);
    expect(result).toMatchObject({
      kind: 'config',
      config: {
        gateway: 'http://127.0.0.1:8787',
        token: 'secret',
        name: 'local-1',
        port: 9000,
        host: '127.0.0.1',
        labels: { a: '1', b: 'x=y' },
        trialMemoryMib: 8192,
        webgpu: 'auto',
        webgpuStrict: false,
        cuda: false,
      },
    });
  });

  it('keeps models loaded in a part of what the machine has, and takes a figure for it', () => {
    const memoryOf = (...flags: string[]) => {
      const result = readConfig([...GATEWAY, '--name', 'n', ...flags], {});
      return result.kind === 'config' ? result.config.modelMemoryMib : undefined;
    };
    expect(memoryOf()).toBeGreaterThanOrEqual(2048);
    expect(memoryOf()).toSatisfy(Number.isInteger);
    expect(memoryOf('--model-memory-mib', '64')).toBe(64);
  });

  it('collects repeated labels', () => {
    const result = readConfig([...GATEWAY, '--name', 'n', '--label', 'zone=a', '--label=cloud=b'], {});
    expect(result).toMatchObject({ config: { labels: { zone: 'a', cloud: 'b' } } });
  });

  it('lists every mistake together', () => {
    const args = ['--name', 'Bad Name', '--port', 'x', '--colour', 'red', 'stray', '--label', 'nope', '--max-queue'];
    const result = readConfig(args, { LEPTON_NODE_LOG_LEVEL: 'loud' });
    expect(result.kind).toBe('invalid');
    const text = result.kind === 'invalid' ? result.problems.join('\n') : '';
    for (const part of [
      '--gateway (or LEPTON_GATEWAY) is missing',
      '--name',
      '--port',
      '--colour',
      '"stray"',
      'key=value',
      '--max-queue',
      'LEPTON_NODE_LOG_LEVEL: ',
    ]) {
      expect(text).toContain(part);
    }
  });

  it.each([
    ['--token=', 'lnt_SECRET'],
    ['--token=', 'SECRET'],
    ['lnt_SECRET'],
    ['--lnt_SECRET'],
    ['--tokn=lnt_SECRET'],
  ])('never repeats a token that went astray: %s %s', (...args) => {
    const result = readConfig([...GATEWAY, '--name', 'n', ...args], {});
    expect(result.kind).toBe('invalid');
    expect(JSON.stringify(result)).not.toContain('SECRET');
  });

  it('never repeats a token that is wrong', () => {
    const result = readConfig([...GATEWAY, '--name', 'n', '--token', 'x'.repeat(300)], {});
    expect(JSON.stringify(result)).not.toContain('xxx');
  });

  it('asks for --url where the address cannot tell', () => {
    expect(readConfig([...GATEWAY, '--name', 'n', '--host', '0.0.0.0'], {})).toMatchObject({ kind: 'invalid' });
  });

  describe('without a gateway', () => {
    const alone = (...flags: string[]) => readConfig(['--model-repository', '/models', '--name', 'n', ...flags], {});

    it('listens where only this machine reaches it, and loads everything', () => {
      expect(alone()).toMatchObject({
        config: {
          modelRepository: '/models',
          host: '127.0.0.1',
          port: 8000,
          load: 'all',
          metricsAddress: { host: '127.0.0.1', port: 8002, asked: false },
        },
      });
      expect(alone('--host', '::1')).toMatchObject({ kind: 'config' });
    });

    it('says why it does not listen to everybody without keys', () => {
      for (const host of ['0.0.0.0', '10.0.0.7', 'models.example.com', '::']) {
        const part = `--host ${host} would let everybody in who reaches it: name those who may by --key-file`;
        expect(alone('--host', host)).toEqual({
          kind: 'invalid',
          exitCode: 2,
          problems: [expect.stringContaining(part)],
        });
        expect(alone('--host', host, '--key-file', 'keys')).toMatchObject({ kind: 'config', config: { host } });
      }
    });

    it.each([
      [['--load', 'none', '--metrics-address', 'off'], { load: [], metricsAddress: 'off' }],
      [['--load', 'a,b.c'], { load: ['a', 'b.c'] }],
      [['--metrics-address', '9100'], { metricsAddress: { host: '127.0.0.1', port: 9100, asked: true } }],
      [['--metrics-address', '[::]:9100'], { metricsAddress: { host: '::', port: 9100, asked: true } }],
      [['--port', '0'], { port: 0 }],
    ])('reads %j', (flags, config) => expect(alone(...flags)).toMatchObject({ kind: 'config', config }));

    it.each([
      [['--load', 'Big'], '--load'],
      [['--metrics-address', 'here'], '--metrics-address'],
      [['--metrics-address', '127.0.0.1:99999'], '--metrics-address'],
      [['--token', 't'], '--token means nothing without a gateway'],
      [GATEWAY, '--gateway and --model-repository exclude each other'],
    ])('refuses %j', (flags, part) => {
      expect(alone(...flags)).toEqual({ kind: 'invalid', exitCode: 2, problems: [expect.stringContaining(part)] });
    });

    it('belongs to no fleet', () => {
      const result = readConfig([...GATEWAY, '--name', 'n', '--key-file', 'keys'], {});
      expect(result).toMatchObject({ problems: ['--key-file means nothing with a gateway'] });
    });
  });

  it('explains itself', () => {
    const result = readConfig(['--help'], {});
    expect(result.kind === 'text' && result.text).toContain('--gateway URL');
  });
});
