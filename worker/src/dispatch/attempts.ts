/** Where a request was tried, and where it may be tried yet. Pure. */

/** How many processes a request may be sent to: with more, one that harms nodes would harm many. */
const MAX_PROCESSES = 3;
/** How often it may be sent to one of them: while that answers others, silence is of this request. */
const MAX_TRIES = 3;

export class Attempts {
  /** By process, how often it was tried. */
  readonly #tries = new Map<string, number>();
  /** The processes not to be tried again. */
  readonly #tried = new Set<string>();
  /** Of those tried, the ones to try again once they are back. */
  readonly #silent = new Set<string>();

  /** Whether it was tried at all: any further try is one in addition. */
  get any(): boolean {
    return this.#tries.size > 0;
  }

  /** Whether it may be sent to a process that it was not sent to yet. */
  get mayGoFurther(): boolean {
    return this.#tries.size < MAX_PROCESSES;
  }

  readonly mayTry = (process: string): boolean => {
    if (this.#tried.has(process)) return false;
    const tries = this.#tries.get(process) ?? 0;
    return tries > 0 ? tries < MAX_TRIES : this.mayGoFurther;
  };

  tried(process: string): void {
    this.#tries.set(process, (this.#tries.get(process) ?? 0) + 1);
    this.#tried.add(process);
  }

  /** No answer came from it. */
  silent(process: string): void {
    this.#silent.add(process);
  }

  /** Time has passed: those that were silent may be tried again, where they are to be had. */
  later(): void {
    for (const process of this.#silent) this.#tried.delete(process);
    this.#silent.clear();
  }
}
