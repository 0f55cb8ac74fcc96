/** The models that every server under test has: small, and between them of every datatype and form of shape. */
import { ORT_TYPE } from '@lepton-edge/protocol';
import { GraphBuilder } from '../../examples/onnx-writer/graph-builder.ts';

const OPSET = 17;

export const DATATYPES = Object.keys(ORT_TYPE) as (keyof typeof ORT_TYPE)[];

/** Each datatype as a vector: input `INT8`, output `INT8_out`, and so on. */
export const TYPES = 'conformance-types';
/** `matrix` FP32[-1,3], `scalar` INT64[], `texts` BYTES[2,-1]; the outputs `matrix_out`, `scalar_out`, `texts_out`. */
export const SHAPES = 'conformance-shapes';
/** `x` FP32[-1,2] → `y` = x in version 1, -x in version 2. */
export const ROWS = 'conformance-rows';

/** On the gateway only: version 1 of the model of rows under the alias `first`, and no `production`. */
export const NAMED = 'conformance-named';

function typesModel(): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder('types');
  for (const datatype of DATATYPES) identity(graph, datatype, datatype, [`n_${datatype}`]);
  return graph.build(OPSET, 'hands on a vector of each datatype');
}

function shapesModel(): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder('shapes');
  identity(graph, 'matrix', 'FP32', ['rows', 3]);
  identity(graph, 'scalar', 'INT64', []);
  identity(graph, 'texts', 'BYTES', [2, 'columns']);
  return graph.build(OPSET, 'hands on tensors of several shapes');
}

export function rowsModel(operator: 'Identity' | 'Neg'): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder('rows');
  graph.input('x', 'float32', ['rows', 2]);
  graph.output('y', 'float32', ['rows', 2]);
  graph.node(operator, ['x'], { outputs: ['y'] });
  return graph.build(OPSET, `the ${operator} of rows`);
}

function identity(
  graph: GraphBuilder,
  name: string,
  datatype: keyof typeof ORT_TYPE,
  shape: (number | string)[],
): void {
  graph.input(name, ORT_TYPE[datatype], shape);
  graph.output(`${name}_out`, ORT_TYPE[datatype], shape);
  graph.node('Identity', [name], { outputs: [`${name}_out`] });
}

/** By name, the files of versions 1, 2, … */
export const MODELS: Record<string, () => Uint8Array<ArrayBuffer>[]> = {
  [TYPES]: () => [typesModel()],
  [SHAPES]: () => [shapesModel()],
  [ROWS]: () => [rowsModel('Identity'), rowsModel('Neg')],
};
