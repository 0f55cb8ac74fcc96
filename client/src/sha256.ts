/** SHA-256 of a stream of bytes, for runtimes whose Web Crypto hashes whole buffers only. Source: FIPS 180-4. */

const BLOCK_BYTES = 64;

export class Sha256 {
  readonly #state = FIRST_STATE.slice();
  readonly #schedule = new Uint32Array(64);
  readonly #pending = new Uint8Array(BLOCK_BYTES);
  #pendingBytes = 0;
  #totalBytes = 0;

  update(bytes: Uint8Array): void {
    this.#totalBytes += bytes.byteLength;
    let at = 0;
    if (this.#pendingBytes > 0) {
      at = Math.min(BLOCK_BYTES - this.#pendingBytes, bytes.byteLength);
      this.#pending.set(bytes.subarray(0, at), this.#pendingBytes);
      this.#pendingBytes += at;
      if (this.#pendingBytes < BLOCK_BYTES) return;
      this.#block(viewOf(this.#pending), 0);
      this.#pendingBytes = 0;
    }
    const view = viewOf(bytes);
    for (; at + BLOCK_BYTES <= bytes.byteLength; at += BLOCK_BYTES) this.#block(view, at);
    this.#pending.set(bytes.subarray(at));
    this.#pendingBytes = bytes.byteLength - at;
  }

  /** 64 lower-case hexadecimal digits. The instance is used up. */
  hex(): string {
    const view = viewOf(this.#pending);
    this.#pending.fill(0, this.#pendingBytes);
    this.#pending[this.#pendingBytes] = 0x80;
    if (this.#pendingBytes >= BLOCK_BYTES - 8) {
      this.#block(view, 0);
      this.#pending.fill(0);
    }
    view.setBigUint64(BLOCK_BYTES - 8, BigInt(this.#totalBytes) * 8n);
    this.#block(view, 0);
    return [...this.#state].map((word) => word.toString(16).padStart(8, '0')).join('');
  }

  #block(view: DataView, offset: number): void {
    const w = this.#schedule;
    for (let t = 0; t < 16; t += 1) w[t] = view.getUint32(offset + t * 4);
    for (let t = 16; t < 64; t += 1) {
      const x = w[t - 15] as number;
      const y = w[t - 2] as number;
      const sigma0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const sigma1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      w[t] = (sigma1 + (w[t - 7] as number) + sigma0 + (w[t - 16] as number)) | 0;
    }
    const s = this.#state;
    let [a, b, c, d, e, f, g, h] = s as unknown as [number, number, number, number, number, number, number, number];
    for (let t = 0; t < 64; t += 1) {
      const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const choice = (e & f) ^ (~e & g);
      const first = (h + sum1 + choice + (ROUND_CONSTANTS[t] as number) + (w[t] as number)) | 0;
      const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + second) | 0;
    }
    const words = [a, b, c, d, e, f, g, h];
    for (let i = 0; i < 8; i += 1) s[i] = ((s[i] as number) + (words[i] as number)) | 0;
  }
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The first 32 bits of the fractional part of a root of each of the first `count` primes. */
function fractions(count: number, root: (prime: number) => number): Uint32Array {
  const words: number[] = [];
  for (let n = 2; words.length < count; n += 1) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) isPrime = false;
    if (isPrime) words.push(Math.floor((root(n) % 1) * 2 ** 32));
  }
  return Uint32Array.from(words);
}

const FIRST_STATE = fractions(8, Math.sqrt);
const ROUND_CONSTANTS = fractions(64, Math.cbrt);
