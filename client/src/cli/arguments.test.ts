/** Command lines: which command they mean, and what is said of wrong ones. */
import { describe, expect, it } from 'vitest';
import { parseCommandLine, wantsJson } from './arguments.ts';
import { COMMANDS } from './commands/index.ts';
import { UsageError } from './failure.ts';

const parse = (...argv: string[]) => parseCommandLine(argv, COMMANDS);
const running = (...argv: string[]) => {
  const parsed = parse(...argv);
  if (parsed.kind !== 'run') throw new Error(`expected a command, got ${parsed.kind}`);
  return parsed;
};
const refusal = (...argv: string[]) => {
  try {
    parse(...argv);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('expected a UsageError');
};

describe('parseCommandLine', () => {
  it('finds a command by one or two words, and what follows it', () => {
    const { command, input } = running('alias', 'set', 'digits@production', '3:90', '4:10', '--reason', 'try it');
    expect(command.words).toBe('alias set');
    expect(input.args).toEqual(['digits@production', '3:90', '4:10']);
    expect(input.text('reason')).toBe('try it');
    expect(running('audit').command.words).toBe('audit');
    expect(running('audit', 'verify').command.words).toBe('audit verify');
  });

  it('takes a group alone as its list where that needs nothing more', () => {
    expect(running('models').command.words).toBe('models list');
    expect(refusal('versions').hint).toContain('versions show');
  });

  it('takes the options of every command before and behind it', () => {
    const { connection, command } = running('--url', 'http://a', 'models', '--json', 'list', '--profile=work');
    expect(command.words).toBe('models list');
    expect(connection).toEqual({ url: 'http://a', keyFile: undefined, profile: 'work' });
  });

  it('takes what looks like a command as an argument behind one', () => {
    expect(running('models', 'show', 'models').input.args).toEqual(['models']);
    expect(running('infer', 'help', '--input', '-').input.args).toEqual(['help']);
  });

  it('answers help and version', () => {
    expect(parse()).toEqual({ kind: 'help', words: '' });
    expect(parse('--help')).toEqual({ kind: 'help', words: '' });
    expect(parse('help', 'alias', 'set')).toEqual({ kind: 'help', words: 'alias set' });
    expect(parse('help', 'push', 'x.onnx')).toEqual({ kind: 'help', words: 'push' });
    expect(parse('alias', '--help')).toEqual({ kind: 'help', words: 'alias' });
    expect(parse('push', '-h')).toEqual({ kind: 'help', words: 'push' });
    expect(parse('--version')).toEqual({ kind: 'version' });
  });

  it('says what is wrong and what there is', () => {
    expect(refusal('bogus').message).toBe('there is no command `lepton bogus`');
    expect(refusal('models', 'bogus').hint).toContain('models create');
    expect(refusal('models', 'list', '--bogus').message).toBe("unknown option '--bogus'");
    expect(refusal('models', 'show').message).toBe('NAME is needed');
    expect(refusal('models', 'show', 'a', 'b').message).toBe('unexpected argument "b"');
    expect(refusal('models', 'show', '').message).toBe('an argument is empty');
    expect(refusal('alias', 'set', 'a@b', '3').message).toBe('--reason TEXT is needed');
    expect(refusal('push', '--model', 'm').message).toBe('FILE… is needed');
    expect(refusal('models', 'create', 'a', '--task').message).toContain('--task');
  });
});

it('sees --json before the rest is understood, not behind --', () => {
  expect(wantsJson(['bogus', '--json'])).toBe(true);
  expect(wantsJson(['models', 'show', '--', '--json'])).toBe(false);
});

it('every command has examples, and they mean that command', () => {
  for (const command of COMMANDS) {
    expect(command.examples.length, command.words).toBeGreaterThan(0);
    for (const example of command.examples) {
      // As a shell would: quotes hold words together, and what follows a pipe or an arrow is not ours.
      const ours = example.split(/ (?:\||<|>|<<<) /)[0] ?? '';
      const argv = [...ours.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
      expect(running(...argv).command.words, example).toBe(command.words);
    }
  }
});
