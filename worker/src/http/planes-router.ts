/**
 * A router for Hono that finds the paths of the data plane by one regular expression, at a third of what a tree of all paths takes, and
 * remembers what it found: most requests are for few paths.
 */
import type { Result, Router } from 'hono/router';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { TrieRouter } from 'hono/router/trie-router';

const DATA_PLANE = /^\/v[12](\/|$)/;
const EVERYWHERE = new Set(['*', '/*']);
/** Beyond that all are forgotten: whoever makes paths up gains nothing by it. */
const REMEMBERED = 1_000;
const MAX_LENGTH = 200;

export class PlanesRouter<T> implements Router<T> {
  readonly name = 'PlanesRouter';
  readonly #data = new RegExpRouter<T>();
  /** A regular expression cannot have a word and a parameter at one place, as `/api/nodes/tokens/…` and `/api/nodes/{id}/…` are. */
  readonly #others = new TrieRouter<T>();
  /** By method and path. */
  readonly #found = new Map<string, Map<string, Result<T>>>();
  #count = 0;

  add(method: string, path: string, handler: T): void {
    const isData = DATA_PLANE.test(path);
    if (isData || EVERYWHERE.has(path)) this.#data.add(method, path, handler);
    if (!isData) this.#others.add(method, path, handler);
  }

  match(method: string, path: string): Result<T> {
    const known = this.#found.get(method)?.get(path);
    if (known) return known;
    if (!DATA_PLANE.test(path)) return this.#others.match(method, path);
    const found = this.#data.match(method, path);
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
