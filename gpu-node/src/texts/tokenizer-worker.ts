/** A thread that holds one tokenizer: a large one takes a second to load, and an odd one as long for a text, which HTTP must not wait for. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { LeptonError } from '@lepton-edge/protocol';
import { loadTokenizer, type TextTokenizer, tokensOf } from '@lepton-edge/text';
import type { FromTokenizer, TokenizerInput, ToTokenizer } from './messages.ts';

if (!parentPort) throw new Error('this file is a worker thread: it cannot be started by itself');
const port = parentPort;

function send(message: FromTokenizer): void {
  port.postMessage(message);
}

/** @throws Error saying what is wrong with the file */
async function load({ path, digest, spec }: TokenizerInput): Promise<TextTokenizer> {
  const file = await readFile(path);
  const actual = `sha256:${createHash('sha256').update(file).digest('hex')}`;
  if (actual !== digest) throw new Error(`${spec.path} has changed since the version was loaded`);
  return loadTokenizer(file, spec);
}

function answer(tokenizer: TextTokenizer, { id, inputs }: ToTokenizer): void {
  try {
    send({ kind: 'tokens', id, items: tokensOf(tokenizer, inputs) });
  } catch (error) {
    if (!(error instanceof LeptonError)) throw error;
    send({ kind: 'refused', id, code: error.code, message: error.message });
  }
}

try {
  const tokenizer = await load(workerData as TokenizerInput);
  port.on('message', (message: ToTokenizer) => answer(tokenizer, message));
  send({ kind: 'ready', padId: tokenizer.padId });
} catch (error) {
  send({ kind: 'failed', message: (error as Error).message });
}
