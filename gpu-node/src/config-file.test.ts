import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'lepton-config-'));

function fileOf(text: string, name = 'gpu-node.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('a file of settings', () => {
  const YAML = `
    # a comment
    gateway: https://gateway.example.com/
    name: from-file
    port: 9000
    max-models: 3
    label: {zone: a, rack: 12}
    webgpu-strict: true
    cuda: on
    token-file: secrets/token
  `;

  it('is overruled by the environment, and that by flags', () => {
    const path = fileOf(YAML);
    const result = readConfig(['--port', '9002'], {
      LEPTON_NODE_CONFIG: path,
      LEPTON_NODE_PORT: '9001',
      LEPTON_NODE_NAME: 'from-env',
    });
    expect(result).toMatchObject({
      kind: 'config',
      config: {
        gateway: 'https://gateway.example.com',
        name: 'from-env',
        port: 9002,
        maxModels: 3,
        labels: { zone: 'a', rack: '12' },
        webgpuStrict: true,
        cuda: true,
        tokenFile: join(folder, 'secrets/token'),
      },
    });
  });

  it.each(['token: {lnt_SECRET: 1}', 'token: *lnt_SECRET', 'token: lnt_SECRET: 1'])(
    'is refused in words that quote no secret (%s)',
    (line) => {
      const result = readConfig(['--config', fileOf(`gateway: http://g\n${line}\n`)], {});
      expect(result).toMatchObject({ kind: 'invalid', exitCode: 2 });
      expect(JSON.stringify(result)).not.toContain('SECRET');
    },
  );

  it('may be JSON', () => {
    const path = fileOf('{"model-repository": "models", "load": ["a", "b"], "webgpu": "off"}', 'gpu.json');
    expect(readConfig(['--config', path, '--name', 'n'], {})).toMatchObject({
      config: { modelRepository: join(folder, 'models'), load: ['a', 'b'], webgpu: 'off' },
    });
  });

  it('is listed with its mistakes beside those of the environment and the flags, whatever overrules what', () => {
    const path = fileOf('gateway: http://g\nport: eighty\nmaxModel: 3\ncolour: red\nhost: [{}]\nregion:\n');
    const result = readConfig(['--config', path, '--port', '1', '--log-levle', 'x', '--max-queue', '0'], {
      LEPTON_NODE_WEBGPU: 'x',
    });
    expect(result).toEqual({
      kind: 'invalid',
      exitCode: 2,
      problems: [
        'unknown option --log-levle: did you mean --log-level?',
        'unexpected argument "x"',
        `${path}: maxModel: no setting has this name: did you mean max-models?`,
        `${path}: colour: no setting has this name: they are those of the flags, see --help`,
        `${path}: host: expected ADDR, got [{}]`,
        `${path}: region: expected REGION, got null`,
        `${path}: port: expected a port from 0 to 65535, got "eighty"`,
        'LEPTON_NODE_WEBGPU: Invalid option: expected one of "auto"|"on"|"off", got "x"',
        '--max-queue: Too small: expected number to be >=1, got "0"',
      ],
    });
  });

  it.each([
    ['port: 1\nport: 2', ': line 2: Map keys must be unique'],
    ['{"port": 1', ': line 1: '],
    ['- port', ': expected settings, such as "port: 8000"'],
  ])('that cannot be read as %j is told where', (text, part) => {
    const path = fileOf(text);
    const result = readConfig(['--config', path], {});
    expect(result).toMatchObject({ problems: expect.arrayContaining([expect.stringContaining(path + part)]) });
  });

  it('that is not there is a mistake like any other', () => {
    const result = readConfig(['--config', '/nowhere/gpu.yaml', '--gateway', 'http://g'], {});
    expect(result).toMatchObject({ problems: ['/nowhere/gpu.yaml: cannot be read (ENOENT)'] });
  });
});

describe('--check-config', () => {
  it('says what the settings come to, as a file that states the same, without secrets', () => {
    const flags = [
      '--gateway',
      'http://g',
      '--name',
      'n',
      '--label',
      'a=1',
      '--metrics-address',
      '[::]:9',
      '--check-config',
    ];
    const result = readConfig(flags, { LEPTON_TOKEN: 'lnt_secret' });
    const text = result.kind === 'text' ? result.text : '';
    expect(text).not.toContain('lnt_secret');
    expect(text).toContain('# token: (hidden), LEPTON_TOKEN');
    expect(text).toContain('max-models: 32  # default');
    const again = readConfig(['--config', fileOf(text), '--check-config'], { LEPTON_TOKEN: 'lnt_secret' });
    const settings = (all: string) => all.replaceAll(/ {2}# .*/g, '');
    expect(settings(again.kind === 'text' ? again.text : JSON.stringify(again))).toBe(settings(text));
  });

  it('ends with 1 where they are wrong', () => {
    expect(readConfig(['--check-config'], {})).toMatchObject({ kind: 'invalid', exitCode: 1 });
  });
});
