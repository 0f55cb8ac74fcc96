/**
 * Reads compressed request bodies. What comes is inflated a little at a time, so that a few bytes that stand for very many
 * are noticed before they are there.
 */
import { brokenBody, type ContentCoding, LeptonError } from '@lepton-edge/protocol';
import { collect, contentLength, tooLarge } from './collect.ts';

/** The stream inflates what it is given at once, up to a thousandfold, without waiting for its reader. */
const PIECE_BYTES = 4096;

/**
 * Reads a whole body and inflates it. What is left of one that is refused can still be read by others.
 * @param limitBytes bounds what came and what it inflates to
 * @param arrived is told of inflated bytes as they come, and may throw
 * @param patience rejects when it is not to be waited for any longer
 * @throws LeptonError `body_too_large`, or `invalid_request` for what is no such stream
 */
export async function readInflated(
  request: Request,
  coding: Exclude<ContentCoding, 'identity'>,
  limitBytes: number,
  arrived: (bytes: number) => void,
  patience?: Promise<never>,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = contentLength(request);
  if (declared !== undefined && declared > limitBytes) throw tooLarge(limitBytes, `${declared} bytes`);
  if (!request.body) throw brokenBody(coding);
  const inflater = new DecompressionStream(coding);
  const feeding = new Feeding(inflater.writable.getWriter());
  const fed = feeding.feed(request.body, limitBytes, patience);
  try {
    return await collect(inflater.readable, limitBytes + 1, limitBytes, arrived, patience);
  } catch (error) {
    throw error instanceof LeptonError ? error : (feeding.refusal ?? brokenBody(coding, error));
  } finally {
    feeding.stop();
    await fed;
  }
}

/** Writes a body into the inflating stream, and lets go of it when nothing more is wanted. */
class Feeding {
  /** Why it ended before the body did. */
  refusal: LeptonError | undefined;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #stopped = false;

  constructor(writer: WritableStreamDefaultWriter<Uint8Array>) {
    this.#writer = writer;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Never rejects: who reads from the stream meets the failure there. */
  async feed(body: ReadableStream, limitBytes: number, patience?: Promise<never>): Promise<void> {
    const reader = (body as ReadableStream<Uint8Array>).getReader({ mode: 'byob' });
    let left = limitBytes;
    try {
      for (;;) {
        const read = reader.read(new Uint8Array(PIECE_BYTES));
        const { done, value } = await (patience ? Promise.race([read, patience]) : read);
        if (this.#stopped || done) break;
        left -= value.byteLength;
        // Blocks that stand for nothing can go on for ever.
        if (left < 0) throw tooLarge(limitBytes, 'more');
        await this.#writer.write(value);
      }
      if (this.#stopped) await this.#writer.abort();
      else await this.#writer.close();
    } catch (error) {
      if (error instanceof LeptonError) this.refusal = error;
      await this.#writer.abort(error).catch(() => undefined);
    } finally {
      reader.releaseLock();
    }
  }
}
