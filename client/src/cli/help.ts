/** The help texts: all commands, a group of them, or one with its options and examples. */
import { GLOBAL_OPTIONS, membersOf, usageLine } from './arguments.ts';
import type { Answer, Command, OptionSpec } from './command.ts';

/** `words` as the parser made sure of: empty for everything. */
export function help(words: string, commands: readonly Command[]): Answer {
  const members = words === '' ? commands : membersOf(words, commands);
  const [only] = members;
  const single = commands.find((command) => command.words === words);
  const text =
    words === ''
      ? overview(commands)
      : single && members.length === 1
        ? detail(single)
        : members.map(detail).join('\n\n');
  return { json: only && members.length === 1 ? describe(only) : { commands: members.map(describe) }, text };
}

function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => [[command.words, ...command.args].join(' '), command.summary] as const);
  return [
    'lepton: models, versions, aliases and inference of a Lepton Edge gateway',
    '',
    'usage: lepton COMMAND [OPTIONS]',
    '',
    columns(rows),
    '',
    'Every command takes',
    columns(optionRows(GLOBAL_OPTIONS)),
    '',
    'Exit codes: 0 done, 1 refused or failed, 2 wrong usage.',
    '`lepton help COMMAND` has its options and examples. Begin with `lepton login`.',
  ].join('\n');
}

function detail(command: Command): string {
  const options = optionRows(command.options);
  return [
    `usage: ${usageLine(command)}${options.length > 0 ? ' [OPTIONS]' : ''}`,
    '',
    `${command.summary}.${command.about ? ` ${command.about}` : ''}`,
    ...(options.length > 0 ? ['', columns(options)] : []),
    '',
    ...command.examples.map((example) => `  $ lepton ${example}`),
  ].join('\n');
}

function optionRows(options: Readonly<Record<string, OptionSpec>>): [string, string][] {
  return Object.entries(options).map(([name, { value, help: text, multiple, required }]) => [
    `--${name}${value ? ` ${value}` : ''}`,
    `${text}${multiple ? ' (may be repeated)' : ''}${required ? ' (needed)' : ''}`,
  ]);
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function describe({ words, summary, args, options, examples }: Command) {
  return { command: words, summary, args, options, examples: examples.map((example) => `lepton ${example}`) };
}
