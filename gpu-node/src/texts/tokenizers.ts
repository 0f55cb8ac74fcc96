/** The tokenizers of the models that are loaded: each is started by the first text, and ends with its model. */
import { join } from 'node:path';
import { LeptonError, type Manifest, type TokenizerSpec } from '@lepton-edge/protocol';
import type { ModelChange } from '../models/lifecycle.ts';
import { TokenizerThread } from './tokenizer-thread.ts';

/** A version whose model is loaded. */
export interface TextVersion {
  label: string;
  digest: string;
  manifest: Pick<Manifest, 'files'>;
  folder: string | undefined;
}

export class Tokenizers {
  /** By the digest of the version. */
  readonly #threads = new Map<string, Promise<TokenizerThread>>();

  /** @throws LeptonError `unavailable` saying what is wrong with the tokenizer */
  async get(version: TextVersion, spec: TokenizerSpec): Promise<TokenizerThread> {
    const { digest } = version;
    const known = this.#threads.get(digest);
    if (known) return await known;
    const forget = () => {
      if (this.#threads.get(digest) === started) this.#threads.delete(digest);
    };
    const started = start(version, spec, forget);
    this.#threads.set(digest, started);
    started.catch(forget);
    return await started;
  }

  readonly #isLoaded: (digest: string) => boolean;

  /** @param isLoaded whether a model is loaded now, or is being */
  constructor(isLoaded: (digest: string) => boolean) {
    this.#isLoaded = isLoaded;
  }

  /** To be told of every change of the models. */
  follow({ digest }: Pick<ModelChange, 'digest'>): void {
    // What was unloaded may be there again.
    if (this.#isLoaded(digest)) return;
    const thread = this.#threads.get(digest);
    this.#threads.delete(digest);
    thread?.then((running) => running.end()).catch(() => undefined);
  }
}

async function start(
  { label, manifest, folder }: TextVersion,
  spec: TokenizerSpec,
  onExit: () => void,
): Promise<TokenizerThread> {
  const digest = manifest.files.find(({ path }) => path === spec.path)?.digest;
  if (digest === undefined || folder === undefined) {
    const sentence = `${label} cannot read texts: its manifest names ${spec.path}, which is not among its files`;
    throw new LeptonError('unavailable', sentence);
  }
  return await TokenizerThread.start({ label, path: join(folder, spec.path), digest, spec }, onExit);
}
