/** One inference as a foreign client makes it, at a placement and in an encoding of the caller's choice. */
import {
  decodeBinaryResponse,
  decodeInferResponse,
  encodeBinaryRequest,
  encodeInferRequest,
  HEADER_LENGTH,
  PLACE_HEADER,
  PLACEMENT_HEADER,
  type Tensor,
} from '@lepton-edge/protocol';

export interface Server {
  url: string;
  key: string;
}

export type Place = 'edge' | 'node';
export type Encoding = 'json' | 'binary';

/** @throws Error with the status and the body of an answer that is none, or one from elsewhere */
export async function inferOver(
  server: Server,
  ref: string,
  inputs: Tensor[],
  place: Place,
  encoding: Encoding,
): Promise<Tensor[]> {
  const headers: Record<string, string> = { authorization: `Bearer ${server.key}`, [PLACE_HEADER]: place };
  let body: string | Uint8Array<ArrayBuffer>;
  if (encoding === 'json') {
    headers['content-type'] = 'application/json';
    body = encodeInferRequest({ inputs });
  } else {
    const { headerLength, bytes } = encodeBinaryRequest({ inputs });
    headers['content-type'] = 'application/octet-stream';
    headers[HEADER_LENGTH] = String(headerLength);
    body = bytes;
  }
  const response = await fetch(`${server.url}/v2/models/${ref}/infer`, { method: 'POST', headers, body });
  const answer = new Uint8Array(await response.arrayBuffer());
  if (response.status !== 200) throw new Error(`${response.status} ${new TextDecoder().decode(answer)}`);
  const placement = response.headers.get(PLACEMENT_HEADER) ?? 'nowhere';
  if (!placement.startsWith(place)) throw new Error(`it was answered by ${placement}, asked for ${place}`);
  const length = response.headers.get(HEADER_LENGTH);
  if (encoding === 'json' && length !== null) throw new Error('asked in JSON, it was answered in binary');
  if (encoding === 'binary' && length === null) throw new Error('asked in binary, it was answered in JSON');
  const { outputs } = length === null ? decodeInferResponse(answer) : decodeBinaryResponse(answer, Number(length));
  return outputs;
}
