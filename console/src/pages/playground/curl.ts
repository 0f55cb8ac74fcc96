/** A request of the playground as a command for a shell. */
import { encodeInferRequest, PLACE_HEADER, type Tensor } from '@lepton-edge/protocol';

/**
 * The key is left for the reader to put in: it must not end up in a shell's history or a chat. The body goes through
 * standard input, since an argument of a command may not be longer than 128 KiB.
 * @param place `''` leaves it to the gateway
 */
export function curlOf(baseUrl: string, ref: string, inputs: Tensor[], place: string): string {
  const headers = ['"authorization: Bearer $KEY"', "'content-type: application/json'"];
  if (place) headers.push(`'${PLACE_HEADER}: ${place}'`);
  const options = headers.map((header) => `-H ${header}`).join(' ');
  return `curl -i ${baseUrl}/v2/models/${ref}/infer ${options} --data-binary @- <<'BODY'\n${encodeInferRequest({ inputs })}\nBODY\n`;
}
