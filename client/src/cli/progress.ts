/** Progress of long work on stderr: a bar on a terminal, else a plain line every few seconds. */
import { bytesText } from './text.ts';

const REDRAW_MS = 100;
const LINE_MS = 5_000;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';

export interface ProgressStream {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

export class Progress {
  readonly #stream: ProgressStream;
  /** Nothing but errors is to be on stderr, unless a person looks at it. */
  readonly #silent: boolean;
  readonly #now: () => number;
  #shownAt = Number.NEGATIVE_INFINITY;
  #drawn = false;
  #stage = '';
  #stageBegan = 0;
  #stageFrom = 0;

  constructor(stream: ProgressStream, options: { silent?: boolean; now?: () => number } = {}) {
    this.#stream = stream;
    this.#silent = (options.silent ?? false) && !stream.isTTY;
    this.#now = options.now ?? Date.now;
  }

  /** `stage` names what is going on, such as `model.onnx  sending`; bytes of the stage. */
  bytes(stage: string, doneBytes: number, totalBytes: number): void {
    if (stage !== this.#stage) {
      this.#stage = stage;
      this.#stageBegan = this.#now();
      this.#stageFrom = doneBytes;
    }
    if (!this.#due()) return;
    const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
    const seconds = (this.#now() - this.#stageBegan) / 1000;
    const rate = seconds >= 1 ? (doneBytes - this.#stageFrom) / seconds : 0;
    const left = rate > 0 && doneBytes < totalBytes ? `, ${leftText((totalBytes - doneBytes) / rate)} left` : '';
    const speed = rate > 0 ? `  ${bytesText(rate)}/s${left}` : '';
    const amount = `${bytesText(doneBytes)} of ${bytesText(totalBytes)}${speed}`;
    this.#show(this.#stream.isTTY ? `${stage}  ${bar(share)}  ${amount}` : `${stage}: ${amount}`);
  }

  /** Something that goes on without a measure. */
  waiting(text: string): void {
    if (this.#due()) this.#show(text);
  }

  /** Takes the bar away, so that other text may be written. */
  clear(): void {
    if (this.#drawn) this.#stream.write(CLEAR_LINE);
    this.#drawn = false;
    this.#shownAt = Number.NEGATIVE_INFINITY;
  }

  #due(): boolean {
    if (this.#silent) return false;
    if (!this.#stream.isTTY && this.#shownAt === Number.NEGATIVE_INFINITY) {
      // Work that ends within seconds needs no line.
      this.#shownAt = this.#now();
      return false;
    }
    return this.#now() - this.#shownAt >= (this.#stream.isTTY ? REDRAW_MS : LINE_MS);
  }

  #show(text: string): void {
    this.#shownAt = this.#now();
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.#stream.write(CLEAR_LINE + text.slice(0, (this.#stream.columns || 80) - 1));
    this.#drawn = true;
  }
}

function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

function leftText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
