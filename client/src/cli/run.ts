/** Runs one command line: parses it, does it, writes the answer, and returns the exit code. */
import manifest from '../../package.json' with { type: 'json' };
import { LeptonClient } from '../client.ts';
import { parseCommandLine, wantsJson } from './arguments.ts';
import { type Answer, type Command, type Context, type Input, JsonText } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import type { Environment } from './config.ts';
import { type ConnectionFlags, resolveConnection } from './connection.ts';
import { describe, EXIT_OK, exitCodeOf } from './failure.ts';
import { help } from './help.ts';
import { Progress, type ProgressStream } from './progress.ts';
import { printable } from './text.ts';

export interface Terminal {
  stdin: NodeJS.ReadStream;
  stdout: ProgressStream;
  stderr: ProgressStream;
  environment: Environment;
  /** Aborts when the person stops the command. */
  signal: AbortSignal;
}

export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const json = wantsJson(argv);
  const progress = new Progress(terminal.stderr, { silent: json });
  try {
    const answer = await answerTo(argv, terminal, progress, json);
    progress.clear();
    terminal.stdout.write(`${json ? jsonOf(answer.json) : answer.text}\n`);
    return EXIT_OK;
  } catch (error) {
    progress.clear();
    terminal.stderr.write(`${json ? jsonOf({ error: describe(error) }) : errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

async function answerTo(
  argv: readonly string[],
  terminal: Terminal,
  progress: Progress,
  json: boolean,
): Promise<Answer> {
  const parsed = parseCommandLine(argv, COMMANDS);
  if (parsed.kind === 'version') return { json: { version: manifest.version }, text: `lepton ${manifest.version}` };
  if (parsed.kind === 'help') return help(parsed.words, COMMANDS);
  const { command, input, connection } = parsed;
  return runCommand(command, input, connection, terminal, progress, json);
}

function runCommand(
  command: Command,
  input: Input,
  flags: ConnectionFlags,
  { stdin, stderr, environment, signal }: Terminal,
  progress: Progress,
  json: boolean,
): Promise<Answer> {
  const connection = () => resolveConnection(flags, environment);
  const context: Context = {
    environment,
    flags,
    connection,
    client: async () => {
      const { url, key } = await connection();
      return new LeptonClient({ baseUrl: url, key });
    },
    progress,
    note: (text) => {
      if (json && !stderr.isTTY) return;
      progress.clear();
      stderr.write(`${printable(text)}\n`);
    },
    write: (text) => void stderr.write(text),
    stdin,
    signal,
  };
  return command.run(context, input);
}

function jsonOf(value: unknown): string {
  return value instanceof JsonText ? value.text : JSON.stringify(value, null, 2);
}

/** `lepton: what went wrong`, the fields at fault that the sentence does not name, and what to do. */
function errorText(error: unknown): string {
  const { message, hint, errors, requestId } = describe(error);
  const told = (errors ?? []).filter((error) => !message.includes(error.message));
  const fieldsAtFault = told.map(({ path, message: text }) => `  ${path}: ${text}`);
  const lines = [`lepton: ${message}`, ...fieldsAtFault, ...(hint ? [`hint: ${hint}`] : [])];
  const isInternal = describe(error).code === 'internal' && requestId !== undefined;
  return printable((isInternal ? [...lines, `request: ${requestId}`] : lines).join('\n'));
}
