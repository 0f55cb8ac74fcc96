/** Answers that the isolates of a colo share (L2). What is found there this isolate remembers, too, with the age it has. */
import { decodeBinaryResponse, encodeBinaryResponse, type Tensor } from '@lepton-edge/protocol';
import type { ColoCache, ColoEntry } from './colo-cache.ts';
import { isCacheSized, type KnownAnswer, type ResponseCache } from './response-cache.ts';
import { SingleFlight, type WaitUntil } from './single-flight.ts';

/** Before the binary form of the outputs: the length of its JSON part, and four bytes that keep it aligned. */
const HEAD_BYTES = 8;
/** Asking has a limit of its own, half as long. */
const WAIT_MS = 500;

export class SharedResponses {
  readonly #colo: ColoCache;
  readonly #responses: ResponseCache;
  readonly #asks = new SingleFlight<KnownAnswer | undefined>(WAIT_MS);

  constructor(colo: ColoCache, responses: ResponseCache) {
    this.#colo = colo;
    this.#responses = responses;
  }

  /** Never rejects. */
  async find(key: string, waitUntil: WaitUntil): Promise<KnownAnswer | undefined> {
    if (!this.#colo.isOn) return undefined;
    return await this.#asks.run(key, () => this.#ask(key), waitUntil);
  }

  /** Stores it after the answer. */
  put(key: string, answer: KnownAnswer, keepSeconds: number, waitUntil: WaitUntil): void {
    if (!this.#colo.isOn || !isCacheSized(answer)) return;
    const { headerLength, bytes } = encodeBinaryResponse({ modelName: '', outputs: answer.outputs as Tensor[] });
    const head = new Uint8Array(HEAD_BYTES);
    new DataView(head.buffer).setUint32(0, headerLength);
    waitUntil(this.#colo.put(`answer ${key}`, answer.storedAt, [head, bytes], keepSeconds));
  }

  async #ask(key: string): Promise<KnownAnswer | undefined> {
    const entry = await this.#colo.get(`answer ${key}`);
    const answer = entry && this.#read(entry);
    if (answer) this.#responses.put(key, answer);
    return answer;
  }

  #read({ at, bytes }: ColoEntry): KnownAnswer | undefined {
    try {
      const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      return { outputs: decodeBinaryResponse(bytes.subarray(HEAD_BYTES), headerLength).outputs, storedAt: at };
    } catch (error) {
      this.#colo.warnOnce('an answer in the colo’s cache cannot be read', error);
      return undefined;
    }
  }
}
