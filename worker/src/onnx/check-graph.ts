/** Whether the tensors of a graph fit together: each has one maker, each that is used has one, and none waits for itself. */
import { type Graph, type LocalFunction, type Node, nodeName } from './model.ts';
import { type Names, NO_NAME } from './names.ts';
import { quote, refuse } from './refuse.ts';

/** Names that are used but not made, each with the node that uses it (none: it is an output); those around may make them. */
type Wanted = Map<number, Node | undefined>;

/** Part of a model with names of its own: a graph, or a function's body. */
interface Scope {
  /** As it stands in sentences. */
  what: string;
  /** What is there before any node has run. */
  given: ReadonlySet<number>;
  nodes: readonly Node[];
  outputs: readonly number[];
}

/** @throws LeptonError `model_invalid` for two makers of a name, a name that nobody makes, and a cycle */
export function checkGraph(graph: Graph, names: Names): void {
  new GraphCheck(names).check(scopeOf(graph, 'the graph'));
}

/** As `checkGraph`, for the body of a function, which sees no names around it. */
export function checkFunction({ key, inputs, outputs, nodes }: LocalFunction, names: Names): void {
  new GraphCheck(names).check({ what: `function ${quote(key)}`, given: new Set(inputs), nodes, outputs });
}

function scopeOf({ inputs, outputs, weights, nodes }: Graph, what: string): Scope {
  const given = new Set([...inputs.map(({ name }) => name), ...weights]);
  return { what, given, nodes, outputs: outputs.map(({ name }) => name) };
}

class GraphCheck {
  private readonly names: Names;

  constructor(names: Names) {
    this.names = names;
  }

  check(scope: Scope): void {
    for (const [name, node] of this.wantedBy(scope)) {
      const user = node ? this.describe(node) : `an output of ${scope.what}`;
      refuse(`${user} uses the tensor ${this.quoted(name)}, which no node, input or initializer makes`);
    }
  }

  private wantedBy(scope: Scope): Wanted {
    const makers = this.makersOf(scope);
    const wanted: Wanted = new Map();
    const want = (name: number, node: Node | undefined) => {
      if (!makers.has(name) && !scope.given.has(name) && !wanted.has(name)) wanted.set(name, node);
    };
    // Most nodes want their inputs and nothing else: only those with graphs inside get a list of their own.
    const inner = new Map<Node, number[]>();
    for (const node of scope.nodes) {
      for (const input of node.inputs) if (input !== NO_NAME) want(input, node);
      if (!node.graphs) continue;
      const names = this.wantedInside(node);
      inner.set(node, [...names.keys()]);
      for (const [name, user] of names) want(name, user);
    }
    for (const output of scope.outputs) want(output, undefined);
    this.checkOrder(scope, makers, (node) => [...node.inputs, ...(inner.get(node) ?? [])]);
    return wanted;
  }

  private wantedInside(node: Node): Map<number, Node> {
    const wanted = new Map<number, Node>();
    for (const graph of node.graphs ?? []) {
      for (const [name, user] of this.wantedBy(scopeOf(graph, `a graph inside ${this.describe(node)}`))) {
        wanted.set(name, user ?? node);
      }
    }
    return wanted;
  }

  /** Name → index of the node that makes it. */
  private makersOf({ what, given, nodes }: Scope): Map<number, number> {
    const makers = new Map<number, number>();
    nodes.forEach((node, index) => {
      for (const output of node.outputs) {
        if (output === NO_NAME) continue;
        if (given.has(output) || makers.has(output)) {
          refuse(`the tensor ${this.quoted(output)} of ${what} has two makers, one of them ${this.describe(node)}`);
        }
        makers.set(output, index);
      }
    });
    return makers;
  }

  /** Nodes may stand in any order; those left when no more can run wait for each other. */
  private checkOrder(scope: Scope, makers: ReadonlyMap<number, number>, wants: (node: Node) => number[]): void {
    const { nodes, what } = scope;
    const makersFor = (node: Node) => wants(node).flatMap((name) => makers.get(name) ?? []);
    if (nodes.every((node, index) => makersFor(node).every((maker) => maker < index))) return;
    const waitingFor = new Int32Array(nodes.length);
    const dependents = new Map<number, number[]>();
    nodes.forEach((node, index) => {
      for (const maker of makersFor(node)) {
        waitingFor[index] = (waitingFor[index] ?? 0) + 1;
        const list = dependents.get(maker);
        if (list) list.push(index);
        else dependents.set(maker, [index]);
      }
    });
    const ready = [...nodes.keys()].filter((index) => waitingFor[index] === 0);
    for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
      for (const dependent of dependents.get(index) ?? []) {
        const left = (waitingFor[dependent] ?? 0) - 1;
        waitingFor[dependent] = left;
        if (left === 0) ready.push(dependent);
      }
    }
    const node = nodes[waitingFor.findIndex((count) => count > 0)];
    if (node)
      refuse(`the nodes of ${what} wait for each other in a circle, among them or behind them ${this.describe(node)}`);
  }

  private describe(node: Node): string {
    return `node ${quote(nodeName(node, this.names))} (${this.quoted(node.operator)})`;
  }

  private quoted(name: number): string {
    return quote(this.names.textOf(name));
  }
}
