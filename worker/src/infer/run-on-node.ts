/** One delegated run: Open Inference Protocol with binary tensors. */
import { decodeBinaryResponse, encodeBinaryRequest, HEADER_LENGTH, type Tensor } from '@lepton-edge/protocol';
import type { Gateway } from '../context.ts';
import type { LiveNode } from '../hubs/live-node.ts';
import { callNode, type NodeAnswer, type Patience } from './call-node.ts';
import type { RunInput } from './run.ts';
import type { Timings } from './timings.ts';

export async function runOnNode(
  gateway: Gateway,
  node: LiveNode,
  input: RunInput,
  patience: Patience,
  timings: Timings,
): Promise<NodeAnswer<Tensor[]>> {
  const { version } = input.target;
  const body = encodeBinaryRequest({
    inputs: [...input.inputs],
    outputs: input.outputs.map((name) => ({ name })),
  });
  const call = {
    version,
    path: `/v2/models/${version.model}/versions/${version.version}/infer`,
    headers: { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(body.headerLength) },
    body: body.bytes,
    schedule: input.schedule,
    tracing: input.tracing,
    patience,
    read: readOutputs,
  };
  return await callNode(gateway, node, call, timings);
}

async function readOutputs(response: Response): Promise<Tensor[]> {
  const headerLength = Number(response.headers.get(HEADER_LENGTH) ?? Number.NaN);
  return decodeBinaryResponse(new Uint8Array(await response.arrayBuffer()), headerLength).outputs;
}
