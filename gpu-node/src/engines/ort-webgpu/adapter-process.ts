/** One process that works for an adapter, seen from the node: questions in order, a watch on each, and an end that tells whose it was. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../engine.ts';
import type { WireTensor } from '../onnx-runtime/tensors.ts';
import { encodeFrame, type Frame, FrameReader, PIPE_FD } from './frames.ts';
import type { Answer, Question } from './messages.ts';

export interface Job {
  question: Question;
  tensors?: readonly WireTensor[];
  /** Whose job it is, for the messages: `name@3`. */
  label: string;
  /** The process is killed when it works on this for longer. */
  limitMs: number;
}

export interface ProcessEnd {
  error: EngineError;
  /** What it was working on, unless the node ended it. */
  during: Job | undefined;
}

interface Pending {
  job: Job;
  resolve(frame: Frame<Answer>): void;
  reject(error: EngineError): void;
}

const CHILD = new URL('./child.ts', import.meta.url);

export class AdapterProcess {
  /** Never rejects; comes after all that was asked has been answered or has failed. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #pipe: Duplex;
  /** The first is being worked on. */
  readonly #pending: Pending[] = [];
  #watch: NodeJS.Timeout | undefined;
  #log = '';
  #killed: string | undefined;
  #ending = false;
  #end: ProcessEnd | undefined;

  /**
   * @param env replaces the node's environment
   * @param keepLog whether what it writes on stderr is kept for `log`
   */
  constructor({ env, keepLog = false }: { env?: Record<string, string> | undefined; keepLog?: boolean } = {}) {
    this.#child = spawn(process.execPath, [fileURLToPath(CHILD)], {
      stdio: ['ignore', 'ignore', keepLog ? 'pipe' : 'ignore', 'pipe'],
      windowsHide: true,
      ...(env ? { env } : {}),
    });
    this.#pipe = this.#child.stdio[PIPE_FD] as Duplex;
    const reader = new FrameReader<Answer>((frame) => this.#answer(frame));
    this.#pipe.on('data', (piece: Uint8Array) => {
      try {
        reader.push(piece);
      } catch (error) {
        this.kill(`what it sent cannot be read (${error})`);
      }
    });
    // Its end says what there is to say.
    this.#pipe.on('error', () => undefined);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
    const kill = () => this.#child.kill('SIGKILL');
    process.once('exit', kill);
    const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
    this.ended = promise;
    const end = (how: string) => {
      process.off('exit', kill);
      resolve(this.#close(how));
    };
    this.#child.once('error', (error) => end(`could not be started: ${error.message}`));
    this.#child.once('close', (code, signal) => end(`ended ${signal ? `by ${signal}` : `with status ${code}`}`));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it has written on stderr; complete once it has ended. */
  get log(): string {
    return this.#log;
  }

  /** @throws EngineError `refused` with ONNX Runtime's sentence; `lost` when the process ends instead of answering */
  async ask(job: Job): Promise<Frame<Answer>> {
    if (this.#end) throw this.#end.error;
    const answered = new Promise<Frame<Answer>>((resolve, reject) => {
      this.#pending.push({ job, resolve, reject });
    });
    this.#send(job.question, job.tensors);
    if (this.#pending.length === 1) this.#watchFirst();
    const frame = await answered;
    if (frame.message.kind === 'refused') throw new EngineError('refused', frame.message.message);
    return frame;
  }

  /** Ends it once what was asked has been answered; nothing may be asked any more. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#send({ kind: 'end' });
  }

  /** @param why as in "its process was killed: …" */
  kill(why: string): void {
    this.#killed ??= why;
    this.#child.kill('SIGKILL');
  }

  #send(question: Question, tensors?: readonly WireTensor[]): void {
    this.#pipe.cork();
    for (const part of encodeFrame(question, tensors)) this.#pipe.write(part);
    this.#pipe.uncork();
  }

  #answer(frame: Frame<Answer>): void {
    const first = this.#pending.shift();
    this.#watchFirst();
    first?.resolve(frame);
  }

  #watchFirst(): void {
    clearTimeout(this.#watch);
    const job = this.#pending[0]?.job;
    if (!job) return;
    const why = `${job.question.kind} of ${job.label} took longer than ${job.limitMs / 1000} s`;
    this.#watch = setTimeout(() => this.kill(why), job.limitMs);
  }

  #close(how: string): ProcessEnd {
    if (this.#end) return this.#end;
    clearTimeout(this.#watch);
    const during = this.#pending[0]?.job;
    const doing = during ? `, during ${during.question.kind} of ${during.label}` : '';
    const what = this.#killed === undefined ? `${how}${doing}` : `was killed: ${this.#killed}`;
    const error = new EngineError('lost', `the process of the WebGPU adapter ${what}: try again`);
    this.#end = { error, during };
    for (const { reject } of this.#pending.splice(0)) reject(error);
    return this.#end;
  }
}
