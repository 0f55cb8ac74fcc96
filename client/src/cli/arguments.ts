/** Reads a command line: which command, its arguments and its options. */
import { parseArgs } from 'node:util';
import { type Command, Input, type OptionSpec } from './command.ts';
import type { ConnectionFlags } from './connection.ts';
import { UsageError } from './failure.ts';

/** What every command takes. */
export const GLOBAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  url: { type: 'string', value: 'URL', help: 'the gateway; default: LEPTON_URL, then the profile' },
  'key-file': { type: 'string', value: 'FILE', help: 'a file with the API key; default: LEPTON_KEY, then the profile' },
  profile: { type: 'string', value: 'NAME', help: 'a profile that `lepton login` stored' },
  json: { type: 'boolean', help: 'one JSON document on stdout; errors as JSON on stderr' },
  help: { type: 'boolean', help: 'what the command does, with examples' },
};

export type Parsed =
  | { kind: 'run'; command: Command; input: Input; connection: ConnectionFlags }
  /** Help on what begins with these words; on everything for none. */
  | { kind: 'help'; words: string }
  | { kind: 'version' };

/** Whether `--json` stands there, for errors that come before the rest is understood. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? undefined : end).includes('--json');
}

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[], commands: readonly Command[]): Parsed {
  const { words, indexes } = leadingWords(argv);
  if (words.length === 0) return argv.includes('--version') ? { kind: 'version' } : { kind: 'help', words: '' };
  if (words[0] === 'help') return { kind: 'help', words: groupOrCommand(words.slice(1), commands) };
  const command = commandOf(words, commands);
  if (!command) {
    const known = groupOrCommand(words.slice(0, 1), commands);
    if (argv.includes('--help') || argv.includes('-h')) return { kind: 'help', words: known };
    const members = membersOf(known, commands).map((member) => member.words);
    const [, second] = words;
    const message = second
      ? `there is no command \`lepton ${known} ${second}\``
      : `\`lepton ${known}\` needs one more word`;
    throw new UsageError(message, `there are: ${members.join(', ')}`);
  }
  const used = new Set(indexes.slice(0, command.words.split(' ').length));
  const rest = argv.filter((_, index) => !used.has(index));
  const { values, positionals } = parseStrictly(rest, command);
  if (values.help) return { kind: 'help', words: command.words };
  checkArguments(command, positionals);
  for (const [name, { required, value }] of Object.entries(command.options)) {
    if (required && values[name] === undefined)
      throw new UsageError(`--${name} ${value} is needed`, usageHint(command));
  }
  const text = (name: string) => values[name] as string | undefined;
  return {
    kind: 'run',
    command,
    input: new Input(positionals, values),
    connection: { url: text('url'), keyFile: text('key-file'), profile: text('profile') },
  };
}

/** Commands that are `words` or begin with them. */
export function membersOf(words: string, commands: readonly Command[]): Command[] {
  return commands.filter((command) => command.words === words || command.words.startsWith(`${words} `));
}

/** The words before the first argument stand among options whose values are no words. */
function leadingWords(argv: readonly string[]): { words: string[]; indexes: number[] } {
  const options = Object.fromEntries(
    Object.entries(GLOBAL_OPTIONS).map(([name, { type }]) => [name, { type, multiple: true } as const]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const found = tokens.filter((token) => token.kind === 'positional');
  return { words: found.map(({ value }) => value), indexes: found.map(({ index }) => index) };
}

/** `models` alone is its list, for groups whose list needs nothing. */
function commandOf(words: readonly string[], commands: readonly Command[]): Command | undefined {
  const [first, second] = words;
  const byWords = (text: string) => commands.find((command) => command.words === text);
  const whole = second === undefined ? undefined : byWords(`${first} ${second}`);
  if (whole) return whole;
  const single = byWords(first ?? '');
  if (single) return single;
  const list = byWords(`${first} list`);
  return second === undefined && list?.args.length === 0 ? list : undefined;
}

/** @throws UsageError for words that begin no command. */
function groupOrCommand(words: readonly string[], commands: readonly Command[]): string {
  const text = words.slice(0, 2).join(' ');
  if (text === '' || membersOf(text, commands).length > 0) return text;
  const first = words[0] ?? '';
  if (membersOf(first, commands).some((command) => command.words === first)) return first;
  throw new UsageError(`there is no command \`lepton ${text}\``, '`lepton help` lists the commands');
}

function parseStrictly(args: string[], command: Command) {
  const specs = Object.entries({ ...command.options, ...GLOBAL_OPTIONS });
  const options = Object.fromEntries(
    specs.map(([name, { type, multiple }]) => [
      name,
      { type, multiple: multiple ?? false, ...(name === 'help' ? { short: 'h' } : {}) } as const,
    ]),
  );
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error;
    const sentence = message.split(/\. |\n/)[0] ?? message;
    throw new UsageError(sentence.charAt(0).toLowerCase() + sentence.slice(1), usageHint(command));
  }
}

function checkArguments({ args, ...command }: Command, given: readonly string[]): void {
  const missing = args[given.length];
  if (missing !== undefined) throw new UsageError(`${missing} is needed`, usageHint({ args, ...command }));
  const takesMore = args.at(-1)?.endsWith('…') ?? false;
  if (!takesMore && given.length > args.length) {
    throw new UsageError(`unexpected argument ${JSON.stringify(given[args.length])}`, usageHint({ args, ...command }));
  }
  if (given.includes('')) throw new UsageError('an argument is empty', usageHint({ args, ...command }));
}

function usageHint(command: Command): string {
  return `usage: ${usageLine(command)}; \`lepton help ${command.words}\` says more`;
}

/** `lepton models create NAME --task TASK` with the options that must be there. */
export function usageLine(command: Command): string {
  const needed = Object.entries(command.options)
    .filter(([, { required }]) => required)
    .map(([name, { value }]) => `--${name} ${value}`);
  return ['lepton', command.words, ...command.args, ...needed].join(' ');
}
