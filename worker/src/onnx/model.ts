/** What the inspection keeps of a model: its nodes and names, without weights, attributes and documentation. */
import type { TensorSpec } from '@lepton-edge/protocol';
import { type Names, NO_NAME } from './names.ts';

/** All strings of nodes and tensors are numbers of `names`. */
export interface Model {
  irVersion: number;
  producer: string;
  opsetImports: OpsetImport[];
  graph: Graph | undefined;
  functions: LocalFunction[];
  names: Names;
  /** Elements of all initializers and `Constant`s. */
  parameterCount: number;
  /** Paths of the files beside the model that hold weights, and the least size of each. */
  externalData: Map<string, number>;
}

export interface OpsetImport {
  domain: string;
  version: number;
}

export interface Graph {
  inputs: Value[];
  outputs: Value[];
  /** Names of initializers, sparse ones included. */
  weights: number[];
  nodes: Node[];
}

/** A graph's input or output. Its type is told for the model's own graph only. */
export interface Value {
  name: number;
  spec?: TensorSpec;
  /** Why there is no `spec`, to be put behind the value's name. */
  problem?: string;
}

export interface Node {
  name: number;
  /** The operator's key, as `operatorKey` makes it. */
  operator: number;
  inputs: number[];
  outputs: number[];
  /** The graphs it runs, such as the body of a loop. */
  graphs: Graph[] | undefined;
}

/** A function of the model's own, which counts as an operator. */
export interface LocalFunction {
  /** Its operator's key. */
  key: string;
  opsetImports: OpsetImport[];
  inputs: number[];
  outputs: number[];
  nodes: Node[];
}

/** `ai.onnx` is the default domain's other name, and is always written so. */
export const DEFAULT_DOMAIN = 'ai.onnx';

export function domainOf(domain: string | null | undefined): string {
  return domain || DEFAULT_DOMAIN;
}

/** `Relu`, `com.microsoft::Gelu`. */
export function operatorKey(domain: string, name: string): string {
  // A name that looks like a key of its own must not become one of another domain.
  return domain === DEFAULT_DOMAIN && !name.includes('::') ? name : `${domain}::${name}`;
}

/** The parts of a key. */
export function splitKey(key: string): { domain: string; name: string } {
  const at = key.lastIndexOf('::');
  return at < 0 ? { domain: DEFAULT_DOMAIN, name: key } : { domain: key.slice(0, at), name: key.slice(at + 2) };
}

/** Every node of `nodes` and of all graphs inside them. */
export function* allNodes(nodes: readonly Node[]): Generator<Node> {
  for (const node of nodes) {
    yield node;
    for (const graph of node.graphs ?? []) yield* allNodes(graph.nodes);
  }
}

/** A node's name or, where it has none, that of the first tensor it makes. */
export function nodeName(node: Node, names: Names): string {
  return names.textOf(node.name || (node.outputs.find((output) => output !== NO_NAME) ?? NO_NAME));
}
