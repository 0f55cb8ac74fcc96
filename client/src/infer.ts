/** One inference over the Open Inference Protocol, with what the gateway says of it in headers. */
import {
  CACHE_HEADER,
  decodeInferResponse,
  encodeInferRequest,
  MODEL_HEADER,
  type Parameters,
  PLACE_HEADER,
  PLACEMENT_HEADER,
  REQUEST_ID_HEADER,
  type Tensor,
} from '@lepton-edge/protocol';

export type TensorInput = Tensor;

export interface InferJsonOptions {
  /** Asks for a placement; such a request is not answered from the cache. */
  place?: 'edge' | 'node' | undefined;
  /** What remembered answers will do: the request's `Cache-Control`, such as `no-cache` or `max-age=60`. */
  cacheControl?: string | undefined;
  signal?: AbortSignal;
}

export interface InferOptions extends InferJsonOptions {
  id?: string;
  parameters?: Parameters;
  /** The outputs wanted, in this order; absent: all. */
  outputs?: string[];
}

export interface InferResult {
  /** `name@3`: what answered. */
  model: string;
  /** `edge`, `cache` or `node:<id>`. */
  placement: string;
  /** `hit`, `miss`, `stale` or `bypass`. */
  cache: string;
  /** Of an answer from the cache: how many whole seconds ago it was computed. */
  ageSeconds?: number | undefined;
  /** `server-timing` phases in milliseconds. */
  timing: Record<string, number>;
  requestId: string;
  id?: string | undefined;
  outputs: Tensor[];
  /** The output of that name. Throws when there is none. */
  output(name: string): Tensor;
}

type Send = (
  path: string,
  call: { method: string; headers: Record<string, string>; body: string; signal?: AbortSignal | undefined },
) => Promise<Response>;

/** See LeptonClient.infer. */
export async function infer(
  send: Send,
  ref: string,
  inputs: TensorInput[],
  options: InferOptions,
): Promise<InferResult> {
  const body = encodeInferRequest({
    id: options.id,
    parameters: options.parameters,
    inputs,
    outputs: options.outputs?.map((name) => ({ name })),
  });
  return inferJson(send, ref, body, options);
}

/** See LeptonClient.inferJson. */
export async function inferJson(
  send: Send,
  ref: string,
  request: string,
  options: InferJsonOptions,
): Promise<InferResult> {
  const response = await send(`/v2/models/${encodeURIComponent(ref)}/infer`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(options.place ? { [PLACE_HEADER]: options.place } : {}),
      ...(options.cacheControl ? { 'cache-control': options.cacheControl } : {}),
    },
    body: request,
    signal: options.signal,
  });
  const body = decodeInferResponse(new Uint8Array(await response.arrayBuffer()));
  const header = (name: string) => response.headers.get(name) ?? '';
  const age = header('age');
  return {
    model: header(MODEL_HEADER),
    placement: header(PLACEMENT_HEADER),
    cache: header(CACHE_HEADER),
    ageSeconds: age === '' ? undefined : Number(age),
    timing: parseServerTiming(header('server-timing')),
    requestId: header(REQUEST_ID_HEADER),
    id: body.id,
    outputs: body.outputs,
    output(name) {
      const tensor = body.outputs.find((output) => output.name === name);
      if (tensor) return tensor;
      const names = body.outputs.map((output) => JSON.stringify(output.name)).join(', ');
      throw new Error(`the answer has no output ${JSON.stringify(name)}: it has ${names}`);
    },
  };
}

/** `cache;dur=0.1, run;dur=4.2` → `{cache: 0.1, run: 4.2}`. Source: W3C Server Timing. */
function parseServerTiming(text: string): Record<string, number> {
  const phases: Record<string, number> = {};
  for (const metric of text.split(',')) {
    const [name, ...params] = metric.trim().split(';');
    const duration = params.map((param) => /^\s*dur=([\d.]+)$/.exec(param)?.[1]).find((value) => value !== undefined);
    if (name && duration !== undefined) phases[name] = Number(duration);
  }
  return phases;
}
