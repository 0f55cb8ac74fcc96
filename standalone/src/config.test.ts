import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.ts';
import { Failure } from './failure.ts';

describe('parseConfig', () => {
  it('has a default for every flag', () => {
    expect(parseConfig([])).toEqual({
      port: 8787,
      home: expect.stringMatching(/^\/.*\.lepton$/),
      nodes: 1,
      examples: true,
      help: false,
    });
  });

  it('reads every flag', () => {
    const config = parseConfig(['--port', '9000', '--home=/var/gateway', '--nodes', '3', '--no-examples']);
    expect(config).toEqual({ port: 9000, home: '/var/gateway', nodes: 3, examples: false, help: false });
  });

  it.each([
    [['--port', 'http'], '--port: expected a whole number from 1 to 65535, got "http"'],
    [['--port', '0'], '--port: expected a whole number from 1 to 65535, got "0"'],
    [['--nodes=-1'], '--nodes: expected a whole number from 0 to 64, got "-1"'],
    [['--home='], '--home: expected a directory'],
    [['--prot', '1'], "Unknown option '--prot'"],
    [['extra'], "Unexpected argument 'extra'"],
  ])('refuses %j', (args, sentence) => {
    expect(() => parseConfig(args)).toThrow(Failure);
    expect(() => parseConfig(args)).toThrow(sentence);
  });
});
