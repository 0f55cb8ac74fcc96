/** One tokenizer on one thread, seen from the node. */
import { Worker } from 'node:worker_threads';
import { type EmbeddingInput, LeptonError } from '@lepton-edge/protocol';
import type { TextTokenizer } from '@lepton-edge/text';
import type { FromTokenizer, TokenizerInput, ToTokenizer } from './messages.ts';

const WORKER = new URL('./tokenizer-worker.ts', import.meta.url);
/** The largest vocabulary there may be, as Unigram, takes 1 GB; beyond it is the thread that ends, not the node. */
const MAX_HEAP_MIB = 2048;

interface Pending {
  resolve(items: number[][]): void;
  reject(error: LeptonError): void;
}

export class TokenizerThread {
  /** What lays its tokens out as tensors. */
  readonly tokenizer: Pick<TextTokenizer, 'spec' | 'padId'>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #gone: LeptonError | undefined;

  private constructor(worker: Worker, exited: Promise<LeptonError>, tokenizer: TokenizerThread['tokenizer']) {
    this.#worker = worker;
    this.tokenizer = tokenizer;
    worker.on('message', (message: FromTokenizer) => this.#receive(message));
    void exited.then((error) => {
      this.#gone = error;
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    });
  }

  /** @param onExit called when the thread is gone, for whatever reason. @throws LeptonError `unavailable` saying what is wrong */
  static async start(input: TokenizerInput, onExit: () => void): Promise<TokenizerThread> {
    const { label, spec } = input;
    const worker = new Worker(WORKER, {
      workerData: input,
      name: `tokenizer of ${label}`,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const exited = new Promise<LeptonError>((end) => {
      let cause: unknown;
      worker.on('error', (error) => {
        cause = error;
      });
      worker.once('exit', () => {
        const lost = unavailable(`the tokenizer of ${label} ended: try again`, cause);
        reject(lost);
        end(lost);
        onExit();
      });
    });
    worker.once('message', (message: FromTokenizer) => {
      if (message.kind === 'ready') resolve(message.padId);
      else if (message.kind === 'failed') reject(unavailable(`${label} cannot read texts: ${message.message}`));
    });
    // The node ends without waiting for it.
    worker.unref();
    return new TokenizerThread(worker, exited, { spec, padId: await promise });
  }

  /** The tokens of each. @throws LeptonError as `TextTokenizer`; `unavailable` when the thread is gone */
  async encode(inputs: readonly EmbeddingInput[]): Promise<number[][]> {
    if (this.#gone) throw this.#gone;
    const id = this.#nextId++;
    return await new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, inputs } satisfies ToTokenizer);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #receive(message: FromTokenizer): void {
    if (message.kind !== 'tokens' && message.kind !== 'refused') return;
    const asked = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === 'tokens') asked?.resolve(message.items);
    else asked?.reject(new LeptonError(message.code, message.message));
  }
}

function unavailable(message: string, cause?: unknown): LeptonError {
  return new LeptonError('unavailable', message, { retryAfterSeconds: 1, ...(cause === undefined ? {} : { cause }) });
}
