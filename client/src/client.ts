/** A client of one gateway: the control plane (`/api`) and inference (`/v2`), for browsers, Node and Workers. */
import type {
  Alias,
  CreateKeyInput,
  CreateModelInput,
  CreateTeamInput,
  IssuedKey,
  ManifestInput,
  Model,
  ModelMetadata,
  Node,
  NodeToken,
  Page,
  PutAliasInput,
  Team,
  Version,
} from '@lepton-edge/protocol';
import { errorFrom, GatewayError } from './errors.ts';
import { type InferOptions, type InferResult, infer, type TensorInput } from './infer.ts';

export interface ClientOptions {
  /** Where the gateway is: `http://127.0.0.1:8787`. */
  baseUrl: string;
  /** An API key; sent as a Bearer token. */
  key?: string | undefined;
  /** Replaces the global fetch. */
  fetch?: typeof fetch;
}

export interface RequestOptions {
  signal?: AbortSignal;
}

interface Call {
  method?: string;
  headers?: Record<string, string>;
  body?: NonNullable<RequestInit['body']>;
  /** Sent as JSON instead of `body`. */
  json?: unknown;
  signal?: AbortSignal | undefined;
}

export interface PageOptions extends RequestOptions {
  limit?: number;
  cursor?: string;
}

/** Every method throws a GatewayError when the gateway refuses, fails or cannot be reached. */
export class LeptonClient {
  readonly baseUrl: string;
  readonly #key: string | undefined;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.baseUrl = options.baseUrl.replace(/\/+$/, '');
    this.#key = options.key;
    this.#fetch = options.fetch ?? ((...args) => fetch(...args));
  }

  /** Sends a request; the answer is returned only when its status is one of success. */
  async send(path: string, call: Call = {}): Promise<Response> {
    const headers: Record<string, string> = { ...call.headers };
    if (this.#key !== undefined) headers.authorization = `Bearer ${this.#key}`;
    if (call.json !== undefined) headers['content-type'] = 'application/json';
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    let response: Response;
    try {
      response = await this.#fetch(`${this.baseUrl}${path}`, {
        method: call.method ?? 'GET',
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

  async #json<T>(path: string, call: Call = {}): Promise<T> {
    return (await (await this.send(path, call)).json()) as T;
  }

  readonly models = {
    list: (options: PageOptions = {}) => this.#json<Page<Model>>(`/api/models${query(options)}`, options),
    get: (name: string, options: RequestOptions = {}) => this.#json<Model>(`/api/models/${seg(name)}`, options),
    create: (input: CreateModelInput) => this.#json<Model>('/api/models', { method: 'POST', json: input }),
    /** Names, datatypes and shapes as the Open Inference Protocol tells them. */
    metadata: (ref: string, options: RequestOptions = {}) =>
      this.#json<ModelMetadata>(`/v2/models/${seg(ref)}`, options),
  };

  readonly versions = {
    list: (model: string, options: PageOptions = {}) =>
      this.#json<Page<Version>>(`/api/models/${seg(model)}/versions${query(options)}`, options),
    get: (model: string, version: number, options: RequestOptions = {}) =>
      this.#json<Version>(`/api/models/${seg(model)}/versions/${version}`, options),
    /** Uploads one ONNX file (at most 64 MiB) as the model's next version. */
    upload: (model: string, onnx: Uint8Array<ArrayBuffer> | Blob, manifest?: ManifestInput) =>
      this.#json<Version>(`/api/models/${seg(model)}/versions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/octet-stream',
          ...(manifest ? { 'x-lepton-manifest': headerJson(manifest) } : {}),
        },
        body: onnx,
      }),
  };

  readonly aliases = {
    list: (model: string, options: PageOptions = {}) =>
      this.#json<Page<Alias>>(`/api/models/${seg(model)}/aliases${query(options)}`, options),
    get: (model: string, alias: string, options: RequestOptions = {}) =>
      this.#json<Alias>(`/api/models/${seg(model)}/aliases/${seg(alias)}`, options),
    put: (model: string, alias: string, input: PutAliasInput) =>
      this.#json<Alias>(`/api/models/${seg(model)}/aliases/${seg(alias)}`, { method: 'PUT', json: input }),
  };

  readonly nodes = {
    list: (options: PageOptions = {}) => this.#json<Page<Node>>(`/api/nodes${query(options)}`, options),
    createToken: () => this.#json<NodeToken>('/api/nodes/tokens', { method: 'POST', json: {} }),
  };

  readonly teams = {
    create: (input: CreateTeamInput) => this.#json<Team>('/api/teams', { method: 'POST', json: input }),
  };

  readonly keys = {
    create: (input: CreateKeyInput) => this.#json<IssuedKey>('/api/keys', { method: 'POST', json: input }),
    revoke: async (id: string): Promise<void> => {
      await this.send(`/api/keys/${seg(id)}`, { method: 'DELETE' });
    },
  };

  /** Runs a model: `ref` is `name`, `name@alias` or `name@3`. */
  infer(ref: string, inputs: TensorInput[], options: InferOptions = {}): Promise<InferResult> {
    return infer((path, call) => this.send(path, call), ref, inputs, options);
  }

  /** Whether an inference on `ref` would work now. */
  async ready(ref: string): Promise<boolean> {
    try {
      await this.send(`/v2/models/${seg(ref)}/ready`);
      return true;
    } catch (error) {
      if (error instanceof GatewayError && error.status !== 401 && error.status !== 403) return false;
      throw error;
    }
  }
}

function seg(text: string): string {
  return encodeURIComponent(text);
}

function query(options: PageOptions): string {
  const params = new URLSearchParams();
  if (options.limit !== undefined) params.set('limit', String(options.limit));
  if (options.cursor !== undefined) params.set('cursor', options.cursor);
  const text = params.toString();
  return text && `?${text}`;
}

/** JSON fit for a header: only ASCII. */
function headerJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
