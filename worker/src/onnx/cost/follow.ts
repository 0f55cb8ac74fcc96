/** Follows the nodes of a graph with what is known of their tensors, and adds up what running them takes. */
import { opsetsWith, RUNTIME } from '../known-operators.ts';
import type { FunctionTable } from '../local-functions.ts';
import { type Attribute, type Graph, type LocalFunction, type Node, nodeName, splitKey } from '../model.ts';
import { NO_NAME } from '../names.ts';
import { opsetsOf } from '../opsets.ts';
import { quote } from '../refuse.ts';
import { Call } from './call.ts';
import { followIf, followLoop, followScan } from './control-flow.ts';
import { declaredShapes } from './declared.ts';
import { inOrder } from './order.ts';
import { OPERATORS } from './rules/index.ts';
import { fromFile } from './rules/sources.ts';
import { type Attributes, Scope } from './scope.ts';
import { plus, STRING, type Tensor, times, Unbounded, unbounded } from './tensor.ts';

/** Finding a node's kernel, its tensors' memory: about a microsecond, which counts for graphs of many small nodes. */
const STEPS_PER_NODE = 1_000;

/** In multiply-adds. */
export interface Cost {
  all: number;
  /** The part of it that the runtime may spend when it loads the model already, as it does not depend on the inputs. */
  loading: number;
}

export const NO_COST: Cost = { all: 0, loading: 0 };

export function added(left: Cost, right: Cost): Cost {
  return { all: plus(left.all, right.all), loading: plus(left.loading, right.loading) };
}

/** What a node of a body's owner is followed with. */
export interface Followed {
  outputs: Tensor[];
  cost: Cost;
}

export class Follower {
  private readonly functions: FunctionTable;

  constructor(functions: FunctionTable) {
    this.functions = functions;
  }

  /** The weights of a graph and all its nodes. What its inputs are was defined in `scope` before. */
  graph(graph: Graph, scope: Scope): Cost {
    for (const [index, name] of graph.weights.entries()) {
      // An input that has a weight was given a tensor by the caller.
      const tensor = graph.tensors[index];
      within(
        () => `the tensor ${quote(scope.body.tally.names.textOf(name))}`,
        () => scope.define(name, tensor ? fromFile(tensor) : unbounded('it is sparse')),
      );
    }
    return this.nodes(graph.nodes, scope);
  }

  nodes(nodes: readonly Node[], scope: Scope): Cost {
    let cost = NO_COST;
    for (const node of inOrder(nodes)) cost = added(cost, this.node(node, scope));
    return cost;
  }

  /** @throws Unbounded naming the node; nothing is defined then */
  node(node: Node, scope: Scope): Cost {
    const { names } = scope.body.tally;
    const where = () => `node ${quote(nodeName(node, names))} (${quote(names.textOf(node.operator))})`;
    return within(where, () => {
      scope.body.tally.step(1 + node.inputs.length + node.outputs.length + (node.attributes?.length ?? 0));
      const { outputs, cost } = this.run(node, scope);
      for (const [index, name] of node.outputs.entries()) {
        if (name === NO_NAME) continue;
        scope.define(name, outputs[index] ?? unbounded(`nothing is known of its output ${index}`));
      }
      return cost;
    });
  }

  private run(node: Node, scope: Scope): Followed {
    const key = scope.body.tally.names.textOf(node.operator);
    const inputs = node.inputs.map((name) => (name === NO_NAME ? undefined : scope.get(name)));
    const attributes = attributesOf(node, scope.body.given);
    const { domain, name } = splitKey(key);
    const callee = this.functions.get(key);
    if (callee) {
      if (opsetsWith(domain, name)) unbounded('the model has a function of the name of an operator');
      return this.call(callee, inputs, attributes, scope);
    }
    const opset = scope.body.opsets.get(domain) ?? RUNTIME.opsets.get(domain)?.[1] ?? unbounded('no runtime has it');
    if (domain === 'ai.onnx' && opset < 7)
      unbounded(`operators of opset ${opset} are not followed, of 7 and later are`);
    const call = new Call(opset, inputs, attributes, node.outputs.length);
    if (key === 'If') return followIf(this, call, attributes, scope);
    if (key === 'Loop') return followLoop(this, call, attributes, scope);
    if (key === 'Scan') return followScan(this, call, attributes, scope);
    const operator = OPERATORS.get(key);
    if (!operator || node.graphs) return unbounded('what it takes is not known');
    const constant = key === 'Shape' || key === 'Size' || inputs.every((input) => input?.constant !== false);
    const outputs = operator.rule(call).map((tensor) => ({ ...tensor, constant }));
    if ([...inputs, ...outputs].some((tensor) => tensor?.type === STRING)) unbounded('texts are of any length');
    scope.body.tally.bytes(call.scratchBytes);
    const touched = [...outputs.slice(0, node.outputs.length), ...(operator.outputsOnly ? [] : inputs)];
    const elements = plus(...touched.map((tensor) => tensor?.most ?? 0));
    const all = plus(STEPS_PER_NODE, times(elements, operator.perElement), call.steps);
    return { outputs, cost: { all, loading: constant ? all : 0 } };
  }

  /** As if the nodes of the function stood in place of its call. */
  private call(
    callee: LocalFunction,
    inputs: readonly (Tensor | undefined)[],
    attributes: Attributes,
    scope: Scope,
  ): Followed {
    const { tally, opsets } = scope.body;
    tally.step(callee.defaults.length + callee.opsetImports.length + opsets.size);
    const own = opsetsOf(callee.opsetImports, `function ${quote(callee.key)}`);
    const given = new Map<string, Attribute>(callee.defaults.map((attribute) => [attribute.name, attribute]));
    for (const [name, attribute] of attributes) given.set(name, attribute);
    const body = { tally, opsets: new Map([...opsets, ...own]), given };
    const inside = new Scope(body, declaredShapes(callee.declared), undefined, scope.next);
    if (inputs.length > callee.inputs.length) unbounded(`it has ${inputs.length} inputs`);
    for (const [index, name] of callee.inputs.entries()) {
      const input = inputs[index];
      if (input) inside.define(name, input);
    }
    const cost = this.nodes(dropping(callee, inside), inside);
    return { outputs: callee.outputs.map((name) => inside.get(name)), cost };
  }
}

/** The nodes of a function; inputs that its call leaves out become inputs that its nodes leave out. */
function dropping(callee: LocalFunction, inside: Scope): readonly Node[] {
  const missing = new Set(callee.inputs.filter((name) => !inside.find(name)));
  if (missing.size === 0) return callee.nodes;
  return callee.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (missing.has(name) ? NO_NAME : name)),
  }));
}

/** A node's attributes by name, those that stand for one of the function around replaced by it. */
function attributesOf({ attributes }: Node, given: Attributes | undefined): Attributes {
  const byName = new Map<string, Attribute>();
  for (const attribute of attributes ?? []) {
    const { name, reference } = attribute;
    if (byName.has(name)) unbounded(`its attribute ${quote(name)} is there twice`);
    if (reference === undefined) {
      byName.set(name, attribute);
      continue;
    }
    if (!given) unbounded(`its attribute ${quote(name)} refers to one of a function`);
    const referred = given.get(reference);
    if (referred) byName.set(name, { ...referred, name });
  }
  return byName;
}

/** Puts the place in front of what is said of it. */
function within<T>(where: () => string, follow: () => T): T {
  try {
    return follow();
  } catch (error) {
    if (!(error instanceof Unbounded) || error.placed) throw error;
    throw new Unbounded(`${where()}: ${error.message}`, true);
  }
}
