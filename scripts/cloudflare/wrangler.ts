/** Wrangler as a child process: its answers as text, its refusals as one Failure with what it wrote. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { Failure } from '../../standalone/src/failure.ts';

const ENVIRONMENT = {
  NO_COLOR: '1',
  FORCE_COLOR: '0',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  // The banner asks the npm registry for a newer version.
  WRANGLER_HIDE_BANNER: 'true',
  // A log file would keep what passes through, a secret's value for one.
  WRANGLER_WRITE_LOGS: 'false',
};

/** What to do about refusals of Cloudflare's API that a new account meets. */
const REMEDIES = {
  '[code: 10042]': 'R2 is off in this account: enable it once in the Cloudflare dashboard, then run this again.',
  '[code: 100328]':
    'The account needs Workers Paid: the 10 ms of CPU of the free plan cannot start ONNX Runtime. Change the plan, then run this again.',
};

export interface WranglerOptions {
  /** Program and first arguments. */
  command: string[];
  cwd: string;
}

export interface CallOptions {
  /** Goes to wrangler's standard input: the place for secrets, which a command line would show to everybody. */
  input?: string;
  env?: Record<string, string>;
}

export interface Outcome {
  ok: boolean;
  stdout: string;
  stderr: string;
}

/** The wrangler installed in this repository, run by this same Node. */
export function installedWrangler(root: string): WranglerOptions {
  const manifest = createRequire(join(root, 'package.json')).resolve('wrangler/package.json');
  return { command: [process.execPath, join(manifest, '../bin/wrangler.js')], cwd: root };
}

export class Wrangler {
  readonly #options: WranglerOptions;

  constructor(options: WranglerOptions) {
    this.#options = options;
  }

  /** Runs to the end, whatever the outcome. */
  async attempt(args: string[], { input = '', env = {} }: CallOptions = {}): Promise<Outcome> {
    const [program = '', ...first] = this.#options.command;
    const child = spawn(program, [...first, ...args], {
      cwd: this.#options.cwd,
      env: { ...process.env, ...ENVIRONMENT, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // One that ends without reading its input is judged by its status.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { ok: code === 0, stdout: stripVTControlCharacters(stdout), stderr: stripVTControlCharacters(stderr) };
  }

  /**
   * @param what the step, for the message: "creating the bucket".
   * @returns its standard output.
   * @throws Failure with what wrangler wrote.
   */
  async call(what: string, args: string[], options?: CallOptions): Promise<string> {
    const outcome = await this.attempt(args, options);
    if (!outcome.ok) throw refusal(what, outcome);
    return outcome.stdout;
  }

  /**
   * For commands that answer a JSON array of objects.
   * @param fields strings that each object must have.
   * @throws Failure when the answer has another form.
   */
  async callForRows<K extends string>(what: string, args: string[], fields: K[]): Promise<Record<K, string>[]> {
    const answer = await this.call(what, args);
    const rows = parseJson(answer);
    if (!Array.isArray(rows) || !rows.every((row) => fields.every((field) => typeof row?.[field] === 'string'))) {
      throw new Failure(`${what} failed: expected a list with ${fields.join(' and ')}, wrangler answered\n\n${answer}`);
    }
    return rows;
  }
}

/** The Failure for a wrangler that ended badly. */
export function refusal(what: string, { stdout, stderr }: Outcome): Failure {
  const said = [stderr, stdout].map((output) => output.trim()).filter(Boolean);
  const output = said.join('\n\n') || '(nothing)';
  const remedies = Object.entries(REMEDIES).flatMap(([code, remedy]) => (output.includes(code) ? [remedy] : []));
  return new Failure([`${what} failed: wrangler wrote`, output, ...remedies].join('\n\n'));
}

/** `undefined` for what is no JSON. */
export function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
