/** The calls a node makes to its gateway. */
import {
  GRANT_HEADER,
  type Heartbeat,
  HeartbeatAnswer,
  JoinAnswer,
  type JoinInput,
  NodeCredential,
  Problem,
  Version,
} from '@lepton-edge/protocol';
import type { z } from 'zod';

/** A join waits for the gateway's call back. */
const JOIN_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 5_000;

/** The gateway answered, and not as hoped. */
export class GatewayRefusal extends Error {
  override readonly name = 'GatewayRefusal';
  readonly status: number;
  /** As the gateway names its errors; absent where something before it answered in its place. */
  readonly code: string | undefined;

  constructor(status: number, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** No answer came. */
export class GatewayUnreachable extends Error {
  override readonly name = 'GatewayUnreachable';
}

export interface ReadRight {
  /** The node's credential. */
  credential: string;
  /** The grant that came with the call. */
  grant: string;
}

interface Call {
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
  signal: AbortSignal;
}

/** Every method throws GatewayRefusal or GatewayUnreachable; neither quotes a secret. */
export class GatewayClient {
  readonly url: string;

  /** @param url without a slash at its end */
  constructor(url: string) {
    this.url = url;
  }

  async join(input: JoinInput): Promise<JoinAnswer> {
    const signal = AbortSignal.timeout(JOIN_TIMEOUT_MS);
    const response = await this.#send('/api/nodes/join', { method: 'POST', json: input, signal });
    return await this.#read(response, JoinAnswer);
  }

  async heartbeat(id: string, credential: string, beat: Heartbeat): Promise<HeartbeatAnswer> {
    const response = await this.#send(`/api/nodes/${encodeURIComponent(id)}/heartbeat`, {
      method: 'POST',
      headers: bearer(credential),
      json: beat,
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return await this.#read(response, HeartbeatAnswer);
  }

  /** The node's next credential; the one it asks with counts until that is used. */
  async nextCredential(id: string, credential: string): Promise<string> {
    const response = await this.#send(`/api/nodes/${encodeURIComponent(id)}/credential`, {
      method: 'POST',
      headers: bearer(credential),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return (await this.#read(response, NodeCredential)).credential;
  }

  async version(right: ReadRight, model: string, version: number): Promise<Version> {
    const response = await this.#send(`/api/models/${encodeURIComponent(model)}/versions/${version}`, {
      headers: rightHeaders(right),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    return await this.#read(response, Version);
  }

  /** The bytes of a blob from `offset` on: status 206, or 200 with all of it. The signal ends the stream too. */
  async blob(right: ReadRight, digest: string, offset: number, signal: AbortSignal): Promise<Response> {
    const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    // Not compressed on the way: offsets count the bytes of the file.
    const headers = { ...rightHeaders(right), ...range, 'accept-encoding': 'identity' };
    return await this.#send(`/api/blobs/${encodeURIComponent(digest)}`, { headers, signal });
  }

  async #send(path: string, { method = 'GET', headers = {}, json, signal }: Call): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.url}${path}`, {
        method,
        headers: json === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        redirect: 'manual',
        signal,
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      });
    } catch (cause) {
      throw new GatewayUnreachable(`no answer from ${this.url} (${reasonOf(cause)})`, { cause });
    }
    if (response.ok) return response;
    const problem = Problem.partial().safeParse(await response.json().catch(() => undefined));
    const detail = problem.data?.detail ?? response.statusText;
    throw new GatewayRefusal(response.status, `${this.url} answered ${response.status}: ${detail}`, problem.data?.code);
  }

  async #read<T extends z.ZodType>(response: Response, schema: T): Promise<z.output<T>> {
    let body: unknown;
    try {
      body = await response.json();
    } catch (cause) {
      throw new GatewayUnreachable(`the answer of ${this.url} broke off or is no JSON`, { cause });
    }
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
    throw new GatewayRefusal(response.status, `${this.url} does not answer as a gateway of this release (${where})`);
  }
}

function bearer(credential: string): Record<string, string> {
  return { authorization: `Bearer ${credential}` };
}

function rightHeaders({ credential, grant }: ReadRight): Record<string, string> {
  return { ...bearer(credential), [GRANT_HEADER]: grant };
}

/** fetch hides what happened in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  return cause?.code ?? cause?.message ?? error.message;
}
