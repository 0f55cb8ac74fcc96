/**
 * The JSON parts of binary bodies that were checked before. A caller's requests, and a node's answers, differ in their tensors' bytes
 * and seldom in the JSON before them, and to parse and check that costs as much as a small model's run.
 */

const MAX_BYTES = 2048;
const MAX_KNOWN = 128;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

export class KnownHeaders<T extends { id?: string | undefined }> {
  readonly #known = new Map<string, T>();

  /** What was kept of a header; it is not to be changed, since others are given the same. */
  get(header: Uint8Array): T | undefined {
    const text = textOf(header);
    return text === undefined ? undefined : this.#known.get(text);
  }

  /** @param tensors of the body; what holds data itself is not kept */
  keep(header: Uint8Array, body: T, tensors: readonly { data?: unknown }[]): void {
    // With an id it is another in each request.
    if (body.id !== undefined || tensors.some(({ data }) => data !== undefined)) return;
    const text = textOf(header);
    if (text === undefined) return;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(text, frozen(body));
  }
}

/** Undefined for a long header, and for one of which whoever checks it says what is wrong. */
function textOf(header: Uint8Array): string | undefined {
  if (header.byteLength > MAX_BYTES) return undefined;
  try {
    return decoder.decode(header);
  } catch {
    return undefined;
  }
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}
