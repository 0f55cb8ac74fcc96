/** Sends requests to one gateway: address, key, retries, and errors as GatewayError. */
import { errorFrom, GatewayError } from './errors.ts';
import { isPassing, withRetries } from './retry.ts';

const DEFAULT_RETRIES = 3;

export interface ClientOptions {
  /** Where the gateway is: `http://127.0.0.1:8787`. */
  baseUrl: string;
  /** An API key; sent as a Bearer token. */
  key?: string | undefined;
  /** Replaces the global fetch. */
  fetch?: typeof fetch | undefined;
  /**
   * How often a call that may be repeated safely is sent again after a broken connection, 429, 502, 503 or 504; 3 by
   * default, 0 turns it off. `Retry-After` is honoured.
   */
  retries?: number | undefined;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  /** Replaces the client's `retries` for this call. */
  retries?: number | undefined;
}

export interface PostOptions extends RequestOptions {
  /** Makes the call safe to repeat: the gateway does the work of one key once, and answers repeats alike for 24 h. */
  idempotencyKey?: string | undefined;
}

export interface Call extends PostOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: NonNullable<RequestInit['body']>;
  /** Sent as JSON instead of `body`. */
  json?: unknown;
  /** Whether sending it twice does no harm; GET, HEAD and calls with an idempotency key are taken to be so. */
  repeatable?: boolean;
}

export class Transport {
  readonly baseUrl: string;
  readonly #key: string | undefined;
  readonly #fetch: typeof fetch;
  readonly #retries: number;

  constructor(options: ClientOptions) {
    this.baseUrl = options.baseUrl.replace(/\/+$/, '');
    this.#key = options.key;
    this.#fetch = options.fetch ?? ((...args) => fetch(...args));
    this.#retries = options.retries ?? DEFAULT_RETRIES;
  }

  /** Sends a request; the answer is returned only when its status is one of success. */
  send(path: string, call: Call = {}): Promise<Response> {
    const method = call.method ?? 'GET';
    const repeatable = call.repeatable ?? (method === 'GET' || method === 'HEAD' || call.idempotencyKey !== undefined);
    const retries = repeatable ? (call.retries ?? this.#retries) : 0;
    return withRetries(() => this.#once(path, method, call), { retries, retryOn: isPassing, signal: call.signal });
  }

  /** The JSON of a successful answer. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const response = await this.send(path, call);
    try {
      return (await response.json()) as T;
    } catch (cause) {
      if (call.signal?.aborted) throw cause;
      const type = response.headers.get('content-type') ?? 'no content type';
      const message = `${this.baseUrl}${path} answered ${response.status} without JSON (${type}): is it a gateway?`;
      throw new GatewayError(message, { status: response.status, code: 'not_a_gateway', cause });
    }
  }

  async #once(path: string, method: string, call: Call): Promise<Response> {
    const headers: Record<string, string> = { ...call.headers };
    if (this.#key !== undefined) headers.authorization = `Bearer ${this.#key}`;
    if (call.json !== undefined) headers['content-type'] = 'application/json';
    if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    let response: Response;
    try {
      response = await this.#fetch(`${this.baseUrl}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        ...(call.signal ? { signal: call.signal } : {}),
      });
    } catch (cause) {
      if (call.signal?.aborted) throw cause;
      throw new GatewayError(`no answer from ${this.baseUrl}`, { status: 0, cause });
    }
    if (!response.ok) throw await errorFrom(response);
    return response;
  }
}

/** A path segment. */
export function seg(text: string): string {
  return encodeURIComponent(text);
}

/** `?a=1&b=2` of what is defined, or nothing. */
export function query(params: Record<string, string | number | boolean | undefined>): string {
  const given = Object.entries(params).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  const text = new URLSearchParams(given as [string, string][]).toString();
  return text && `?${text}`;
}
