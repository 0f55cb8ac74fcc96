/** What a row of the conformance table is, and what its check is given. */

export type Kind = 'gateway' | 'node';

export interface Row {
  id: string;
  source: string;
  /** A sentence that says what must be, of both kinds of server unless `on` names one. */
  requirement: string;
  on?: Kind;
  /** Throws where the requirement is not met. */
  check(server: Server): Promise<void>;
}

export interface Server {
  kind: Kind;
  /** Sends as it is told, and leaves the answer as it came: compression is neither asked for nor undone. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
}

export interface SendOptions {
  headers?: Record<string, string>;
  /** Sent as JSON, unless it is text or bytes. */
  body?: unknown;
  /** Leaves the key out. */
  anonymous?: boolean;
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  bytes: Buffer;
  text: string;
  /** The body parsed; undefined where it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: A check looks into an answer that may be anything, and fails where it is something else.
  json: any;
}
