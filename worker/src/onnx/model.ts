/** A decoded model as the checks read it: nodes with their subgraphs and tensors, numbers instead of wire types. */
import type { onnx } from 'onnx-proto';

export type Model = onnx.IModelProto;
export type Graph = onnx.IGraphProto;
export type Node = onnx.INodeProto;
export type Tensor = onnx.ITensorProto;
export type LocalFunction = onnx.IFunctionProto;

/** An int64 of the file; absent is 0. Exact as far as a number is. */
export function numberOf(value: unknown): number {
  return Number(value ?? 0);
}

/** `ai.onnx` is the default domain's other name, and is always written so. */
export const DEFAULT_DOMAIN = 'ai.onnx';

export function domainOf(domain: string | null | undefined): string {
  return domain || DEFAULT_DOMAIN;
}

/** `Relu`, `com.microsoft::Gelu`. */
export function operatorKey(domain: string, name: string): string {
  return domain === DEFAULT_DOMAIN ? name : `${domain}::${name}`;
}

/** The graphs a node runs, such as the body of a loop. */
export function subgraphsOf(node: Node): Graph[] {
  return (node.attribute ?? []).flatMap((attribute) => [
    ...(attribute.g ? [attribute.g] : []),
    ...(attribute.graphs ?? []),
  ]);
}

/** Every node of `nodes` and of all graphs inside them. */
export function* allNodes(nodes: readonly Node[]): Generator<Node> {
  for (const node of nodes) {
    yield node;
    for (const graph of subgraphsOf(node)) yield* allNodes(graph.node ?? []);
  }
}

/** The weights of a graph and of the graphs inside it: initializers, sparse ones by their values, and `Constant`s. */
export function* parametersOf(graph: Graph): Generator<Tensor> {
  yield* graph.initializer ?? [];
  for (const sparse of graph.sparseInitializer ?? []) if (sparse.values) yield sparse.values;
  yield* parametersOfNodes(graph.node ?? []);
}

export function* parametersOfNodes(nodes: readonly Node[]): Generator<Tensor> {
  for (const node of nodes) {
    if (node.opType === 'Constant' && domainOf(node.domain) === DEFAULT_DOMAIN) yield* attributeTensors(node, false);
    for (const graph of subgraphsOf(node)) yield* parametersOf(graph);
  }
}

/** Every tensor of the model, wherever it stands. */
export function* allTensors(model: Model): Generator<Tensor> {
  if (model.graph) yield* graphTensors(model.graph);
  for (const { node } of model.functions ?? []) yield* nodeTensors(node ?? []);
}

function* graphTensors(graph: Graph): Generator<Tensor> {
  yield* graph.initializer ?? [];
  for (const { values, indices } of graph.sparseInitializer ?? []) {
    if (values) yield values;
    if (indices) yield indices;
  }
  yield* nodeTensors(graph.node ?? []);
}

function* nodeTensors(nodes: readonly Node[]): Generator<Tensor> {
  for (const node of nodes) {
    yield* attributeTensors(node, true);
    for (const graph of subgraphsOf(node)) yield* graphTensors(graph);
  }
}

function* attributeTensors(node: Node, indices: boolean): Generator<Tensor> {
  for (const { t, tensors, sparseTensor, sparseTensors } of node.attribute ?? []) {
    if (t) yield t;
    yield* tensors ?? [];
    for (const sparse of [...(sparseTensor ? [sparseTensor] : []), ...(sparseTensors ?? [])]) {
      if (sparse.values) yield sparse.values;
      if (indices && sparse.indices) yield sparse.indices;
    }
  }
}
