/** How much one run of a model takes at most, told from the file alone: nothing is run, no weight is read. */
import { localFunctionsOf } from '../local-functions.ts';
import type { Graph, Model } from '../model.ts';
import { opsetsOf } from '../opsets.ts';
import { readModel } from '../read-model.ts';
import type { RangeSource } from '../reader.ts';
import { quote } from '../refuse.ts';
import { declaredShapes } from './declared.ts';
import { Follower } from './follow.ts';
import { Scope, Tally, type Watch } from './scope.ts';
import { shaped, Unbounded, unbounded } from './tensor.ts';

export type CostBound =
  | {
      known: true;
      /** Of loading and one run together; work of other kinds counts as about as many as take as long. */
      multiplyAdds: number;
      /** Of any tensor, those of the file included, and of the buffers that kernels are known to need. */
      largestTensorBytes: number;
    }
  | { known: false; because: string };

/** Input name → the shape it is given. */
export type InputShapes = Readonly<Record<string, readonly number[]>>;

/**
 * As `boundCostOf`, of a file.
 * @throws LeptonError `model_invalid` when the file cannot be read; errors of the source pass through
 */
export async function boundCost(file: RangeSource, shapes: InputShapes): Promise<CostBound> {
  return boundCostOf(await readModel(file), shapes);
}

/**
 * An upper bound for inputs of these shapes, whatever their values. It follows shapes, and the small integers that shapes
 * are computed from, through the graph; whenever that cannot be done for certain the answer is that it is not known.
 * It counts steps, not time: products of subnormal floats, which a file may choose, take about eighty times as long.
 * `watch` is told of each tensor on the way.
 * @throws LeptonError `model_invalid` for what an inspection refuses
 */
export function boundCostOf(model: Model, shapes: InputShapes, watch?: Watch): CostBound {
  try {
    return follow(model, shapes, watch);
  } catch (error) {
    if (error instanceof Unbounded) return { known: false, because: error.message };
    throw error;
  }
}

function follow(model: Model, shapes: InputShapes, watch: Watch | undefined): CostBound {
  const { graph, names } = model;
  if (!graph) return unbounded('the model has no graph');
  if (!model.whole) return unbounded('the model has more attributes and shapes than are followed');
  const tally = new Tally(names, watch);
  const body = { tally, opsets: opsetsOf(model.opsetImports, 'the model'), given: undefined };
  const scope = new Scope(body, declaredShapes(graph.declared));
  defineInputs(graph, model, shapes, scope);
  const { all } = new Follower(localFunctionsOf(model)).graph(graph, scope);
  for (const { name } of graph.outputs) scope.get(name);
  return { known: true, multiplyAdds: all, largestTensorBytes: tally.largestBytes };
}

function defineInputs(graph: Graph, { names }: Model, shapes: InputShapes, scope: Scope): void {
  const weights = new Set(graph.weights);
  for (const { name, spec, problem } of graph.inputs) {
    // A weight is its own value unless the caller says otherwise, and callers cannot.
    if (weights.has(name)) continue;
    const text = names.textOf(name);
    if (!spec) unbounded(`the input ${quote(text)} ${problem}`);
    const shape = Object.hasOwn(shapes, text) ? shapes[text] : undefined;
    if (!shape) unbounded(`no shape is given for the input ${quote(text)}`);
    const tensor = shaped(DATATYPES.get(spec.datatype) ?? 0, shape);
    scope.define(name, tensor);
  }
}

/** TensorProto.DataType of what the protocol carries. */
const DATATYPES: ReadonlyMap<string, number> = new Map([
  ['FP32', 1],
  ['UINT8', 2],
  ['INT8', 3],
  ['UINT16', 4],
  ['INT16', 5],
  ['INT32', 6],
  ['INT64', 7],
  ['BYTES', 8],
  ['BOOL', 9],
  ['FP16', 10],
  ['FP64', 11],
  ['UINT32', 12],
  ['UINT64', 13],
  ['BF16', 16],
]);
