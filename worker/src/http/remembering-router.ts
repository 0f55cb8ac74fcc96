/** A router for Hono that remembers what it found: most requests are for few paths. */
import type { Result, Router } from 'hono/router';
import { RegExpRouter } from 'hono/router/reg-exp-router';

/** Beyond that all are forgotten: whoever makes paths up gains nothing by it. */
const REMEMBERED = 1_000;
const MAX_LENGTH = 200;

export class RememberingRouter<T> implements Router<T> {
  readonly name = 'RememberingRouter';
  readonly #router = new RegExpRouter<T>();
  /** By method and path. */
  readonly #found = new Map<string, Map<string, Result<T>>>();
  #count = 0;

  add(method: string, path: string, handler: T): void {
    this.#router.add(method, path, handler);
  }

  match(method: string, path: string): Result<T> {
    const known = this.#found.get(method)?.get(path);
    if (known) return known;
    const found = this.#router.match(method, path);
    if (path.length <= MAX_LENGTH) this.#remember(method, path, found);
    return found;
  }

  #remember(method: string, path: string, found: Result<T>): void {
    if (this.#count === REMEMBERED) {
      this.#found.clear();
      this.#count = 0;
    }
    const paths = this.#found.get(method) ?? new Map<string, Result<T>>();
    this.#found.set(method, paths.set(path, found));
    this.#count++;
  }
}
