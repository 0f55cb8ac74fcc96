/** Whether the tensors of a graph fit together: each has one maker, each that is used has one, and none waits for itself. */
import { type Graph, type LocalFunction, type Node, subgraphsOf } from './model.ts';
import { quote, refuse } from './refuse.ts';

/** Names a graph uses but does not make, each with who uses it; the graph around may make them. */
type Wanted = Map<string, string>;

/** Part of a model with names of its own: a graph, or a function's body. */
interface Scope {
  /** As it stands in sentences. */
  what: string;
  /** What is there before any node has run. */
  given: readonly string[];
  nodes: readonly Node[];
  outputs: readonly string[];
}

/** @throws LeptonError `model_invalid` for two makers of a name, a name that nobody makes, and a cycle */
export function checkGraph(graph: Graph): void {
  refuseWanted(wantedBy(scopeOfGraph(graph, 'the graph')));
}

/** As `checkGraph`, for the body of a function, which sees no names around it. */
export function checkFunction(body: LocalFunction): void {
  const given = body.input ?? [];
  const what = `function ${quote(body.name ?? '')}`;
  refuseWanted(wantedBy({ what, given, nodes: body.node ?? [], outputs: body.output ?? [] }));
}

function refuseWanted(wanted: Wanted): void {
  for (const [name, user] of wanted) {
    refuse(`${user} uses the tensor ${quote(name)}, which no node, input or initializer makes`);
  }
}

function scopeOfGraph(graph: Graph, what: string): Scope {
  const inputs = (graph.input ?? []).map(({ name }) => name ?? '');
  const weights = (graph.initializer ?? []).map(({ name }) => name ?? '');
  const sparse = (graph.sparseInitializer ?? []).map(({ values }) => values?.name ?? '');
  const given = [...inputs, ...weights, ...sparse];
  return { what, given, nodes: graph.node ?? [], outputs: (graph.output ?? []).map(({ name }) => name ?? '') };
}

function wantedBy(scope: Scope): Wanted {
  const makers = makersOf(scope);
  const given = new Set(scope.given);
  const wanted: Wanted = new Map();
  const wants = scope.nodes.map((node) => wantedByNode(node));
  for (const names of [...wants, new Map(scope.outputs.map((name) => [name, `an output of ${scope.what}`]))]) {
    for (const [name, user] of names) if (!makers.has(name) && !given.has(name)) wanted.set(name, user);
  }
  checkOrder(scope, makers, wants);
  return wanted;
}

/** Name → index of the node that makes it. */
function makersOf({ what, given, nodes }: Scope): Map<string, number> {
  const makers = new Map<string, number>();
  const taken = new Set(given);
  nodes.forEach((node, index) => {
    for (const output of node.output ?? []) {
      if (output === '') continue;
      if (taken.has(output))
        refuse(`the tensor ${quote(output)} of ${what} has two makers, one of them ${nameOf(node)}`);
      taken.add(output);
      makers.set(output, index);
    }
  });
  return makers;
}

/** What a node and the graphs inside it take from around it. */
function wantedByNode(node: Node): Wanted {
  const user = nameOf(node);
  const wanted: Wanted = new Map();
  for (const input of node.input ?? []) if (input !== '') wanted.set(input, user);
  for (const graph of subgraphsOf(node)) {
    for (const [name, inner] of wantedBy(scopeOfGraph(graph, `a graph inside ${user}`))) wanted.set(name, inner);
  }
  return wanted;
}

/** Nodes may stand in any order; those left when no more can run wait for each other. */
function checkOrder({ what, nodes }: Scope, makers: ReadonlyMap<string, number>, wants: readonly Wanted[]): void {
  const waitingFor = nodes.map(() => 0);
  const dependents: number[][] = nodes.map(() => []);
  wants.forEach((names, index) => {
    for (const name of names.keys()) {
      const maker = makers.get(name);
      if (maker === undefined) continue;
      waitingFor[index] = (waitingFor[index] ?? 0) + 1;
      dependents[maker]?.push(index);
    }
  });
  const ready = [...nodes.keys()].filter((index) => waitingFor[index] === 0);
  for (let done = 0; done < ready.length; done += 1) {
    for (const dependent of dependents[ready[done] ?? 0] ?? []) {
      const left = (waitingFor[dependent] ?? 0) - 1;
      waitingFor[dependent] = left;
      if (left === 0) ready.push(dependent);
    }
  }
  const stuck = nodes.findIndex((_, index) => (waitingFor[index] ?? 0) > 0);
  const node = nodes[stuck];
  if (node) refuse(`the nodes of ${what} wait for each other in a circle, among them or behind them ${nameOf(node)}`);
}

function nameOf(node: Node): string {
  const name = node.name || node.output?.find((output) => output !== '') || '';
  return `node ${quote(name)} (${quote(node.opType ?? '')})`;
}
