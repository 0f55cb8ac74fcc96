/**
 * The JSON parts of binary requests that were checked before. A caller's requests differ in their tensors' bytes and seldom in the
 * JSON before them, and to parse and check that costs as much as a small model's run.
 */
import type { InferRequestBody } from './schema.ts';

const MAX_BYTES = 2048;
const MAX_KNOWN = 128;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

export class KnownHeaders {
  readonly #known = new Map<string, InferRequestBody>();

  /**
   * @param check parses and checks, and throws where something is wrong; nothing of that is kept
   * @returns what is not to be changed, since others are given the same; undefined for a header that is long, or holds data itself
   */
  of(header: Uint8Array, check: () => InferRequestBody): InferRequestBody | undefined {
    const text = header.byteLength <= MAX_BYTES ? textOf(header) : undefined;
    if (text === undefined) return undefined;
    const known = this.#known.get(text);
    if (known) return known;
    const body = check();
    if (body.inputs.some(({ data }) => data !== undefined)) return undefined;
    // With an id it is another in each request.
    if (body.id === undefined) this.#keep(text, body);
    return body;
  }

  #keep(text: string, body: InferRequestBody): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(text, frozen(body));
  }
}

function textOf(header: Uint8Array): string | undefined {
  try {
    return decoder.decode(header);
  } catch {
    // Whoever checks it says what is wrong.
    return undefined;
  }
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}
