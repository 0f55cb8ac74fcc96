/** One delegated call: Open Inference Protocol with binary tensors, signed by the gateway. */
import {
  DIGEST_HEADER,
  decodeBinaryResponse,
  type ErrorCode,
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
  /** `retryable`: another node might do better. */
  | { ok: false; retryable: boolean; error: LeptonError };

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
  let response: Response;
  try {
    response = await gateway.fetch(
      `${node.heartbeat.url.replace(/\/+$/, '')}/v2/models/${version.model}/versions/${version.version}/infer`,
      {
        method: 'POST',
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${call}`,
          'content-type': 'application/octet-stream',
          [HEADER_LENGTH]: String(body.headerLength),
          [DIGEST_HEADER]: version.digest,
          [GRANT_HEADER]: grant,
          [REQUEST_ID_HEADER]: input.requestId,
        },
        body: body.bytes,
        signal: AbortSignal.timeout(NODE_TIMEOUT_MS),
      },
    );
    timings.addRemote('node', response.headers.get('server-timing'));
    if (response.status === 200) return { ok: true, outputs: await readOutputs(response) };
    return await failure(response, node);
  } catch (cause) {
    if (cause instanceof LeptonError) throw cause;
    const error = new LeptonError('no_placement', `node "${node.name}" did not answer`, {
      cause,
      retryAfterSeconds: 2,
    });
    return { ok: false, retryable: true, error };
  }
}

async function readOutputs(response: Response): Promise<Tensor[]> {
  const headerLength = Number(response.headers.get(HEADER_LENGTH) ?? Number.NaN);
  return decodeBinaryResponse(new Uint8Array(await response.arrayBuffer()), headerLength).outputs;
}

/** What a node refuses because of the request is the caller's answer; anything else may go better elsewhere. */
async function failure(response: Response, node: LiveNode): Promise<NodeAnswer> {
  const parsed = NodeError.safeParse(await response.json().catch(() => undefined));
  const { error: message, code } = parsed.data ?? { error: `status ${response.status}` };
  const known: ErrorCode | undefined = code !== undefined && isErrorCode(code) ? code : undefined;
  if (known && response.status < 500 && response.status !== 401 && response.status !== 429) {
    return { ok: false, retryable: false, error: new LeptonError(known, message) };
  }
  if (response.status === 429) {
    const retryAfterSeconds = Number(response.headers.get('retry-after')) || 1;
    return { ok: false, retryable: true, error: new LeptonError('overloaded', message, { retryAfterSeconds }) };
  }
  const sentence = `node "${node.name}" failed: ${message}`;
  return { ok: false, retryable: true, error: new LeptonError('no_placement', sentence, { retryAfterSeconds: 2 }) };
}
