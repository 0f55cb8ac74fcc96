/**
 * A body that is nothing but the data of a model's only input (`Inference-Header-Content-Length: 0`); datatype and shape are
 * in the model's signature. Source: Triton Inference Server, "Raw Binary Request".
 */
import { LeptonError } from '../errors.ts';
import { elementSize } from '../tensor/datatype.ts';
import { specsText } from '../tensor/signature.ts';
import { elementCount, shapeText, type Tensor } from '../tensor/tensor.ts';
import type { TensorSpec } from '../versions.ts';
import { viewNumbers } from './binary-reader.ts';
import type { InferRequest } from './messages.ts';

/** The request with its tensor, once the model is known; any other request as it is. @throws LeptonError `invalid_tensor` */
export function completeRawInput(request: InferRequest, specs: readonly TensorSpec[]): InferRequest {
  const { raw, ...rest } = request;
  if (!raw) return request;
  const [spec] = specs;
  if (spec && specs.length === 1) return { ...rest, inputs: [rawTensor(raw, spec)] };
  throw new LeptonError(
    'invalid_tensor',
    `a request without a JSON part needs a model with one input, this one has ${specs.length}: ${specsText(specs)}`,
  );
}

function rawTensor(raw: Uint8Array<ArrayBuffer>, { name, datatype, shape: expected }: TensorSpec): Tensor {
  const subject = `input ${JSON.stringify(name)}`;
  if (expected.filter((size) => size === -1).length > 1 && datatype !== 'BYTES') {
    fail(subject, datatype, expected, 'has more than one dynamic axis: send its shape in a JSON part');
  }
  const known = elementCount(
    expected.filter((size) => size !== -1),
    subject,
  );
  // The whole body is the one string there is, without a length before it.
  if (datatype === 'BYTES') {
    if (known !== 1) fail(subject, datatype, expected, 'is not one string: send it with a JSON part');
    return { name, datatype, shape: expected.map(() => 1), data: [raw] };
  }
  const rowBytes = known * elementSize(datatype);
  const isDynamic = expected.includes(-1);
  const fits = isDynamic && rowBytes > 0 ? raw.byteLength % rowBytes === 0 : raw.byteLength === rowBytes;
  if (!fits) {
    const bytes = isDynamic ? `a multiple of ${rowBytes} bytes` : `${rowBytes} bytes`;
    fail(subject, datatype, expected, `takes ${bytes}, got ${raw.byteLength}`);
  }
  const size = rowBytes > 0 ? raw.byteLength / rowBytes : 0;
  const shape = expected.map((each) => (each === -1 ? size : each));
  return { name, datatype, shape, data: viewNumbers(raw, datatype, 0, elementCount(shape, subject), subject) };
}

function fail(subject: string, datatype: string, shape: readonly number[], what: string): never {
  throw new LeptonError('invalid_tensor', `${subject}: ${datatype} ${shapeText(shape)} ${what}`);
}
