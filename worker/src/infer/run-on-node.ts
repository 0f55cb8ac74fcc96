/** One delegated call: Open Inference Protocol with binary tensors, signed by the gateway. */
import {
  DIGEST_HEADER,
  decodeBinaryResponse,
  encodeBinaryRequest,
  GRANT_HEADER,
  HEADER_LENGTH,
  isErrorCode,
  LeptonError,
  REQUEST_ID_HEADER,
  type Tensor,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import type { Gateway } from '../context.ts';
import type { LiveNode } from '../hubs/fleet-hub.ts';
import type { RunInput } from './run.ts';
import type { Timings } from './timings.ts';

/** Long enough for a node to fetch and load a model first. */
const NODE_TIMEOUT_MS = 60_000;

export type NodeAnswer =
  | { ok: true; outputs: Tensor[] }
  /**
   * `refused`: the request is at fault, and would be anywhere. `busy`: another node may have room, or the model. `lost`: the
   * node itself does not work as it should, and is better left alone for a while.
   */
  | { ok: false; kind: 'refused' | 'busy' | 'lost'; error: LeptonError };

const NodeError = z.object({ error: z.string(), code: z.string().optional() });

export async function runOnNode(
  gateway: Gateway,
  node: LiveNode,
  input: RunInput,
  timings: Timings,
): Promise<NodeAnswer> {
  const { version } = input.target;
  const body = encodeBinaryRequest({
    inputs: [...input.inputs],
    outputs: input.outputs.map((name) => ({ name })),
  });
  const [call, grant] = await Promise.all([
    gateway.signer.callToken(node),
    gateway.signer.grantToken(node, { model: version.model, version: version.version, digest: version.digest }),
  ]);
  try {
    const url = node.heartbeat.url.replace(/\/+$/, '');
    const response = await gateway.fetch(`${url}/v2/models/${version.model}/versions/${version.version}/infer`, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${call}`,
        'content-type': 'application/octet-stream',
        // Numbers gain little, and it would be undone here at once.
        'accept-encoding': 'identity',
        [HEADER_LENGTH]: String(body.headerLength),
        [DIGEST_HEADER]: version.digest,
        [GRANT_HEADER]: grant,
        [REQUEST_ID_HEADER]: input.requestId,
      },
      body: body.bytes,
      signal: AbortSignal.timeout(NODE_TIMEOUT_MS),
    });
    timings.addRemote('node', response.headers.get('server-timing'));
    return response.status === 200 ? await readOutputs(response) : await failure(response, node);
  } catch (cause) {
    return { ok: false, kind: 'lost', error: silence(cause, node) };
  }
}

/** No answer, half of one, or one that is none. */
function silence(cause: unknown, { name }: LiveNode): LeptonError {
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    return new LeptonError('deadline_exceeded', `node "${name}" did not answer within ${NODE_TIMEOUT_MS / 1000} s`, {
      cause,
    });
  }
  return new LeptonError('no_placement', `node "${name}" did not answer`, { cause, retryAfterSeconds: 2 });
}

async function readOutputs(response: Response): Promise<NodeAnswer> {
  const headerLength = Number(response.headers.get(HEADER_LENGTH) ?? Number.NaN);
  return {
    ok: true,
    outputs: decodeBinaryResponse(new Uint8Array(await response.arrayBuffer()), headerLength).outputs,
  };
}

/** What a node refuses because of the request is the caller's answer; anything else may go better elsewhere. */
async function failure(response: Response, node: LiveNode): Promise<NodeAnswer> {
  const parsed = NodeError.safeParse(await response.json().catch(() => undefined));
  const { error: message, code } = parsed.data ?? { error: `status ${response.status}` };
  if (code === undefined || !isErrorCode(code) || code === 'unauthenticated' || code === 'internal') {
    const sentence = `node "${node.name}" failed: ${message}`;
    return { ok: false, kind: 'lost', error: new LeptonError('no_placement', sentence, { retryAfterSeconds: 2 }) };
  }
  const isBusy = response.status === 429 || response.status >= 500;
  const retryAfterSeconds = Number(response.headers.get('retry-after')) || 1;
  return {
    ok: false,
    kind: isBusy ? 'busy' : 'refused',
    error: new LeptonError(code, message, isBusy ? { retryAfterSeconds } : {}),
  };
}
