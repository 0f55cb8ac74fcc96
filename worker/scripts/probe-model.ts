/** A model of a single node, which a runtime refuses with a sentence that tells what it knows of the operator. */
import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

export interface Probe {
  operator: string;
  /** `''` for the default domain. */
  domain: string;
  opset: number;
  irVersion?: number;
}

/** More inputs than operators take: one that is known is refused for that, before it is inferred or built. */
const INPUT_COUNT = 40;

/** The serialised model. */
export function probeModel({ operator, domain, opset, irVersion = 8 }: Probe): Uint8Array {
  const type = { tensorType: { elemType: onnx.TensorProto.DataType.FLOAT, shape: { dim: [] } } };
  const opsetImport = domain === '' ? [] : [{ domain: '', version: 20 }];
  const bytes = onnx.ModelProto.encode({
    irVersion,
    opsetImport: [...opsetImport, { domain, version: opset }],
    graph: {
      name: 'probe',
      node: [{ opType: operator, domain, input: Array<string>(INPUT_COUNT).fill('x'), output: ['y'] }],
      input: [{ name: 'x', type }],
      output: [{ name: 'y', type }],
    },
  }).finish();
  return new Uint8Array(bytes);
}
