/** The nodes of a graph in an order in which each comes after those it waits for, as they may stand in any. */
import { allNodes, type Node } from '../model.ts';
import { NO_NAME } from '../names.ts';
import { unbounded } from './tensor.ts';

/** @throws Unbounded when two make the same tensor, or they wait for each other in a circle */
export function inOrder(nodes: readonly Node[]): readonly Node[] {
  const makers = new Map<number, number>();
  for (const [index, node] of nodes.entries()) {
    for (const output of node.outputs) {
      if (output === NO_NAME) continue;
      if (makers.has(output)) unbounded('two nodes make the same tensor');
      makers.set(output, index);
    }
  }
  const waits = nodes.map((node) => {
    const names = new Set(node.inputs);
    // Bodies see the tensors around them; names that they make themselves are not made out here.
    if (node.graphs) for (const name of namesInside(node)) names.add(name);
    return [...names].flatMap((name) => makers.get(name) ?? []);
  });
  if (waits.every((makersOf, index) => makersOf.every((maker) => maker < index))) return nodes;
  return sorted(nodes, waits);
}

function* namesInside(node: Node): Generator<number> {
  for (const graph of node.graphs ?? []) {
    for (const { name } of graph.outputs) yield name;
    for (const inner of allNodes(graph.nodes)) {
      yield* inner.inputs;
      for (const { outputs } of inner.graphs ?? []) for (const { name } of outputs) yield name;
    }
  }
}

function sorted(nodes: readonly Node[], waits: readonly (readonly number[])[]): Node[] {
  const missing = waits.map(({ length }) => length);
  const dependents = nodes.map((): number[] => []);
  for (const [index, makers] of waits.entries()) for (const maker of makers) dependents[maker]?.push(index);
  const ready = [...nodes.keys()].filter((index) => missing[index] === 0);
  const order: Node[] = [];
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    const node = nodes[index];
    if (node) order.push(node);
    for (const dependent of dependents[index] ?? []) {
      const left = (missing[dependent] ?? 0) - 1;
      missing[dependent] = left;
      if (left === 0) ready.push(dependent);
    }
  }
  if (order.length < nodes.length) unbounded('its nodes wait for each other in a circle');
  return order;
}
