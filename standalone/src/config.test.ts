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
      vars: {},
      help: false,
    });
  });

  it('reads every flag', () => {
    const config = parseConfig([
      '--port',
      '9000',
      '--home=/var/gateway',
      '--nodes',
      '3',
      '--no-examples',
      '--var',
      'A=1',
      '--var=B_2=x=y',
    ]);
    expect(config).toEqual({
      port: 9000,
      home: '/var/gateway',
      nodes: 3,
      examples: false,
      vars: { A: '1', B_2: 'x=y' },
      help: false,
    });
  });

  it.each([
    [['--port', 'http'], '--port: expected a whole number from 1 to 65535, got "http"'],
    [['--port', '0'], '--port: expected a whole number from 1 to 65535, got "0"'],
    [['--nodes=-1'], '--nodes: expected a whole number from 0 to 64, got "-1"'],
    [['--home='], '--home: expected a directory'],
    [['--var', 'A'], '--var: expected NAME=VALUE, got "A"'],
    [['--prot', '1'], "Unknown option '--prot'"],
    [['extra'], "Unexpected argument 'extra'"],
  ])('refuses %j', (args, sentence) => {
    expect(() => parseConfig(args)).toThrow(Failure);
    expect(() => parseConfig(args)).toThrow(sentence);
  });
});
