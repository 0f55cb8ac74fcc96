/** What a command is: its words, its options, and what it does. */
import type { LeptonClient } from '../client.ts';
import type { Environment } from './config.ts';
import type { Connection, ConnectionFlags } from './connection.ts';
import { UsageError } from './failure.ts';
import type { Progress } from './progress.ts';

export interface OptionSpec {
  type: 'string' | 'boolean';
  /** What stands for the value in the help text. */
  value?: string;
  help: string;
  multiple?: boolean;
  required?: boolean;
}

export interface Command {
  /** The words that call it: `models create`. */
  words: string;
  summary: string;
  /** Its arguments in order, as the help shows them: `MODEL@ALIAS`, `FILE…` (one or more, only as the last). */
  args: readonly string[];
  options: Readonly<Record<string, OptionSpec>>;
  /** Without the leading `lepton`. */
  examples: readonly string[];
  /** More than the summary says. */
  about?: string;
  run(context: Context, input: Input): Promise<Answer>;
}

/** `json` goes out under `--json`, `text` otherwise. */
export interface Answer {
  json: unknown;
  text: string;
}

/** JSON that is written already, for numbers that JavaScript would round. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export interface Context {
  environment: Environment;
  flags: ConnectionFlags;
  /** @throws Failure when no gateway is known. */
  connection(): Promise<Connection>;
  client(): Promise<LeptonClient>;
  progress: Progress;
  /** Says something on stderr that is not the answer. */
  note(text: string): void;
  /** Writes to the terminal as it is: prompts. */
  write(text: string): void;
  stdin: NodeJS.ReadStream;
  signal: AbortSignal;
}

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** A parsed command line. */
export class Input {
  readonly args: readonly string[];
  readonly #values: Values;

  constructor(args: readonly string[], values: Values) {
    this.args = args;
    this.#values = values;
  }

  /** The argument at `index`, which the parser made sure of. */
  arg(index: number): string {
    return this.args[index] ?? '';
  }

  text(option: string): string | undefined {
    const value = this.#values[option];
    return typeof value === 'string' ? value : undefined;
  }

  /** An option that the parser made sure of. */
  needed(option: string): string {
    return this.text(option) ?? '';
  }

  texts(option: string): string[] | undefined {
    const value = this.#values[option];
    return Array.isArray(value) ? value.map(String) : undefined;
  }

  flag(option: string): boolean {
    return this.#values[option] === true;
  }

  /** @throws UsageError for what is no whole number from `least` on. */
  whole(option: string, least = 0): number | undefined {
    const text = this.text(option);
    if (text === undefined) return undefined;
    if (!/^\d{1,13}$/.test(text) || Number(text) < least) {
      throw new UsageError(`--${option}: expected a whole number from ${least} on, got ${JSON.stringify(text)}`);
    }
    return Number(text);
  }

  /** @throws UsageError for what is none of `choices`. */
  oneOf<T extends string>(option: string, choices: readonly T[]): T | undefined {
    const text = this.text(option);
    if (text === undefined || choices.includes(text as T)) return text as T | undefined;
    throw new UsageError(`--${option}: expected ${choices.join(' or ')}, got ${JSON.stringify(text)}`);
  }
}
