/** One call of a node, signed by the gateway, and what its failure means. */
import { DIGEST_HEADER, GRANT_HEADER, isErrorCode, LeptonError, OpenAiFailure } from '@lepton-edge/protocol';
import { z } from 'zod';
import type { Gateway } from '../context.ts';
import type { LiveNode } from '../hubs/live-node.ts';
import type { KnownVersion } from '../services/directory.ts';
import { type Schedule, scheduleHeaders } from './schedule.ts';
import type { Timings } from './timings.ts';
import type { Tracing } from './tracing.ts';

/** How long a node is waited for. */
export interface Patience {
  /** At most 1 min, and no longer than the caller waits; 0 where that is over. */
  timeoutMs: number;
  /** Aborts then, with a `CallTimeout`, or when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** A node did not answer in time. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';

  constructor(ms: number) {
    super(`did not answer within ${Math.ceil(ms / 1000)} s`);
  }
}

export type NodeAnswer<T> =
  | { ok: true; value: T }
  /**
   * `refused`: the request is at fault, and would be anywhere. `busy`: another node may have room, or the model. `silent`: no
   * answer came, or half of one. `sick`: the node does not answer as a node should, and is better left alone for a while.
   */
  | { ok: false; kind: 'refused' | 'busy' | 'silent' | 'sick'; error: LeptonError };

const Failure = z.union([
  z.object({ error: z.string(), code: z.string().optional() }),
  OpenAiFailure.transform(({ error: { message, code } }) => ({ error: message, code: code ?? undefined })),
]);

export interface NodeCall<T> {
  version: KnownVersion;
  /** Begins with `/`. */
  path: string;
  headers: Record<string, string>;
  body: BodyInit;
  schedule: Schedule;
  tracing: Tracing;
  patience: Patience;
  /** Reads an answer of status 200. */
  read(response: Response): Promise<T>;
}

/** Whatever becomes of the call is in what it resolves to; it rejects only where the gateway cannot sign it. */
export async function callNode<T>(
  gateway: Gateway,
  node: LiveNode,
  { version, path, headers, body, schedule, tracing, patience, read }: NodeCall<T>,
  timings: Timings,
): Promise<NodeAnswer<T>> {
  const [call, grant] = await Promise.all([
    gateway.signer.callToken(node),
    gateway.signer.grantToken(node, { model: version.model, version: version.version, digest: version.digest }),
  ]);
  const { deadline } = schedule;
  const { signal } = patience;
  const timeoutMs = Math.min(patience.timeoutMs, deadline?.leftMs() ?? patience.timeoutMs);
  if (deadline && timeoutMs === 0) return { ok: false, kind: 'refused', error: deadline.exceeded() };
  const url = `${node.heartbeat.url.replace(/\/+$/, '')}${path}`;
  const part = tracing.begin('POST', 'client', tracing.isRecorded ? attributesOf(url, node) : {});
  let isError = true;
  try {
    const response = await gateway.fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        ...headers,
        authorization: `Bearer ${call}`,
        // Numbers gain little, and it would be undone here at once.
        'accept-encoding': 'identity',
        [DIGEST_HEADER]: version.digest,
        [GRANT_HEADER]: grant,
        ...part.headers(),
        ...scheduleHeaders(schedule, timeoutMs),
      },
      body,
      signal,
    });
    timings.addRemote('node', response.headers.get('server-timing'));
    isError = response.status >= 400;
    part.note({ 'http.response.status_code': response.status });
    return response.status === 200 ? { ok: true, value: await read(response) } : await failure(response, node);
  } catch (cause) {
    isError = true;
    part.note({ 'error.type': cause instanceof Error ? cause.name : 'unknown' });
    // Nothing is known of a node that had no time to answer.
    if (deadline?.leftMs() === 0) return { ok: false, kind: 'refused', error: deadline.exceeded() };
    return { ok: false, kind: 'silent', error: silence(signal.aborted ? signal.reason : cause, node) };
  } finally {
    part.end(isError);
  }
}

/** As OpenTelemetry's conventions for HTTP name it. */
function attributesOf(url: string, { id }: LiveNode) {
  const { hostname, port, protocol } = new URL(url);
  return {
    'http.request.method': 'POST',
    'url.full': url,
    'server.address': hostname,
    'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
    'lepton.node.id': id,
  };
}

/** No answer, half of one, or one that is none. */
function silence(cause: unknown, { name }: LiveNode): LeptonError {
  if (cause instanceof CallTimeout) {
    return new LeptonError('deadline_exceeded', `node "${name}" ${cause.message}`, { cause });
  }
  return new LeptonError('no_placement', `node "${name}" did not answer`, { cause, retryAfterSeconds: 2 });
}

/** What a node refuses because of the request is the caller's answer; anything else may go better elsewhere. */
async function failure(response: Response, node: LiveNode): Promise<NodeAnswer<never>> {
  const parsed = Failure.safeParse(await response.json().catch(() => undefined));
  const { error: message, code } = parsed.data ?? { error: `status ${response.status}` };
  if (code === undefined || !isErrorCode(code) || code === 'unauthenticated' || code === 'internal') {
    const sentence = `node "${node.name}" failed: ${message}`;
    return { ok: false, kind: 'sick', error: new LeptonError('no_placement', sentence, { retryAfterSeconds: 2 }) };
  }
  const isBusy = response.status === 429 || response.status >= 500;
  const retryAfterSeconds = Number(response.headers.get('retry-after')) || 1;
  return {
    ok: false,
    kind: isBusy ? 'busy' : 'refused',
    error: new LeptonError(code, message, isBusy ? { retryAfterSeconds } : {}),
  };
}
