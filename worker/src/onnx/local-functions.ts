/** A model's own functions: they count as operators, and the runtime copies their bodies to wherever they are called. */
import { allNodes, domainOf, type LocalFunction, type Model, operatorKey } from './model.ts';
import { quote, refuse } from './refuse.ts';
import { MAX_NODES } from './walk.ts';

const MAX_FUNCTIONS = 2_000;
const MAX_NAME_LENGTH = 256;

/** By operator key. */
export type FunctionTable = ReadonlyMap<string, LocalFunction>;

/** @throws LeptonError `model_invalid` for functions without a name, of the same name, or too many */
export function localFunctionsOf(model: Model): FunctionTable {
  const all = model.functions ?? [];
  if (all.length > MAX_FUNCTIONS)
    refuse(`the model has ${all.length} functions, at most ${MAX_FUNCTIONS} are supported`);
  const table = new Map<string, LocalFunction>();
  for (const entry of all) {
    const name = entry.name ?? '';
    const key = operatorKey(domainOf(entry.domain), name);
    if (name === '' || key.length > MAX_NAME_LENGTH) {
      refuse(`the model has a function named ${quote(key)}, expected a name of 1 to ${MAX_NAME_LENGTH} characters`);
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
export function checkExpansion(model: Model, functions: FunctionTable): void {
  if (functions.size === 0) return;
  const sizes = new Map<LocalFunction, number | 'counting'>();
  const sizeOf = (nodes: Parameters<typeof allNodes>[0]): number => {
    let total = 0;
    for (const node of allNodes(nodes)) {
      const callee = functions.get(operatorKey(domainOf(node.domain), node.opType ?? ''));
      total += callee ? sizeOfFunction(callee) : 1;
      if (total > MAX_NODES) refuse(`with its functions written out the model has more than ${MAX_NODES} nodes`);
    }
    return total;
  };
  const sizeOfFunction = (callee: LocalFunction): number => {
    const known = sizes.get(callee);
    if (known === 'counting')
      refuse(`the model's function ${quote(callee.name ?? '')} calls itself, which cannot be run`);
    if (known !== undefined) return known;
    sizes.set(callee, 'counting');
    const size = sizeOf(callee.node ?? []) + 1;
    sizes.set(callee, size);
    return size;
  };
  sizeOf(model.graph?.node ?? []);
  for (const callee of functions.values()) sizeOfFunction(callee);
}
