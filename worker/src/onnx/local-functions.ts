/** A model's own functions: they count as operators, and the runtime copies their bodies to wherever they are called. */
import { MAX_NODES } from './collect.ts';
import { allNodes, type LocalFunction, type Model, type Node } from './model.ts';
import { quote, refuse } from './refuse.ts';

const MAX_KEY_LENGTH = 256;

/** By operator key. */
export type FunctionTable = ReadonlyMap<string, LocalFunction>;

/** @throws LeptonError `model_invalid` for functions without a name or of the same name */
export function localFunctionsOf({ functions }: Model): FunctionTable {
  const table = new Map<string, LocalFunction>();
  for (const entry of functions) {
    const { key } = entry;
    if (key === '' || key.endsWith('::') || key.length > MAX_KEY_LENGTH) {
      refuse(`the model has a function named ${quote(key)}, expected a name of 1 to ${MAX_KEY_LENGTH} characters`);
    }
    if (table.has(key)) refuse(`the model has two functions named ${quote(key)}, expected each name once`);
    table.set(key, entry);
  }
  return table;
}

/**
 * Functions that call functions may stand for far more nodes than the file holds; the runtime would write them all out.
 * @throws LeptonError `model_invalid` when a function calls itself or the whole exceeds the limit of nodes
 */
export function checkExpansion({ graph, names }: Model, functions: FunctionTable): void {
  if (functions.size === 0) return;
  const sizes = new Map<LocalFunction, number | 'counting'>();
  const sizeOf = (nodes: readonly Node[]): number => {
    let total = 0;
    for (const node of allNodes(nodes)) {
      const callee = functions.get(names.textOf(node.operator));
      total += callee ? sizeOfFunction(callee) : 1;
      if (total > MAX_NODES) refuse(`with its functions written out the model has more than ${MAX_NODES} nodes`);
    }
    return total;
  };
  const sizeOfFunction = (callee: LocalFunction): number => {
    const known = sizes.get(callee);
    if (known === 'counting') refuse(`the model's function ${quote(callee.key)} calls itself, which cannot be run`);
    if (known !== undefined) return known;
    sizes.set(callee, 'counting');
    const size = sizeOf(callee.nodes) + 1;
    sizes.set(callee, size);
    return size;
  };
  sizeOf(graph?.nodes ?? []);
  for (const callee of functions.values()) sizeOfFunction(callee);
}
