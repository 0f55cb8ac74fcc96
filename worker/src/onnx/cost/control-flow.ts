/** If, Loop and Scan: bodies are followed once, with what holds for every time that they run. */
import type { Graph, Node } from '../model.ts';
import { NO_NAME } from '../names.ts';
import type { Call } from './call.ts';
import { declaredShapes } from './declared.ts';
import { added, type Cost, type Followed, type Follower, NO_COST } from './follow.ts';
import { inOrder } from './order.ts';
import { type Attributes, Scope } from './scope.ts';
import {
  axisOf,
  BOOL,
  bounded,
  INT64,
  sameShape,
  scalar,
  shaped,
  type Tensor,
  times,
  Unbounded,
  unbounded,
} from './tensor.ts';

/** What setting up one run of a body takes. */
const STEPS_PER_TURN = 10_000;

export function followIf(follower: Follower, call: Call, attributes: Attributes, scope: Scope): Followed {
  const [yes, no] = [graphOf(attributes, 'then_branch'), graphOf(attributes, 'else_branch')];
  const chosen = call.input(0).values?.[0];
  if (chosen !== undefined) {
    const taken = branch(follower, chosen ? yes : no, scope);
    const other = loadingOf(follower, chosen ? no : yes, scope);
    return { ...taken, cost: turns({ all: taken.cost.all + other, loading: taken.cost.loading + other }, 1) };
  }
  const [left, right] = [branch(follower, yes, scope), branch(follower, no, scope)];
  // Whatever the branch that is not taken has of constants is computed when the model is loaded.
  const all = Math.max(left.cost.all + right.cost.loading, right.cost.all + left.cost.loading);
  const cost = turns({ all, loading: left.cost.loading + right.cost.loading }, 1);
  if (left.outputs.length !== right.outputs.length) unbounded('its branches have not as many outputs');
  return { outputs: left.outputs.map((tensor, index) => either(tensor, right.outputs[index] ?? tensor)), cost };
}

function branch(follower: Follower, graph: Graph, around: Scope): Followed {
  if (graph.inputs.length > 0) unbounded('a branch of it has inputs');
  const scope = new Scope(around.body, declaredShapes(graph.declared), around);
  const cost = follower.graph(graph, scope);
  return { outputs: graph.outputs.map(({ name }) => variable(scope.get(name))), cost };
}

/**
 * What loading a branch takes that is not run. Exporters write a branch for each rank a tensor may have: where it does not
 * fit, nothing more may depend on it, and it must depend on an input, as otherwise the runtime would compute it.
 */
function loadingOf(follower: Follower, graph: Graph, around: Scope): number {
  const scope = new Scope(around.body, declaredShapes(graph.declared), around);
  const { names } = around.body.tally;
  let cost = follower.graph({ ...graph, nodes: [] }, scope);
  const failed = new Set<number>();
  for (const node of inOrder(graph.nodes)) {
    if (node.inputs.some((name) => failed.has(name)) || (failed.size > 0 && node.graphs)) {
      unbounded(`the branch that is not taken cannot be followed to ${names.textOf(node.operator)}`);
    }
    try {
      cost = added(cost, follower.node(node, scope));
    } catch (error) {
      if (!(error instanceof Unbounded) || node.graphs || !dependsOnInputs(node, scope)) throw error;
      for (const name of node.outputs) if (name !== NO_NAME) failed.add(name);
    }
  }
  return cost.loading;
}

function dependsOnInputs(node: Node, scope: Scope): boolean {
  return node.inputs.some((name) => name !== NO_NAME && scope.find(name)?.constant === false);
}

/** What holds for both. */
function either(left: Tensor, right: Tensor): Tensor {
  const type = left.type === right.type ? left.type : 0;
  if (!left.shape || !right.shape || !sameShape(left.shape, right.shape)) {
    return bounded(type, Math.max(left.most, right.most));
  }
  const values = left.values?.map((value, index) => (value === right.values?.[index] ? value : undefined));
  return shaped(type, left.shape, right.values ? values : undefined);
}

export function followLoop(follower: Follower, call: Call, attributes: Attributes, scope: Scope): Followed {
  const body = graphOf(attributes, 'body');
  const most = call.has(0) ? call.value(0) : unbounded('how often it runs depends on data');
  const count = Math.max(0, most);
  const initial = call.inputs.slice(2).map((_, index) => call.input(index + 2));
  if (body.inputs.length !== initial.length + 2 || body.outputs.length <= initial.length) {
    unbounded('its body does not fit its inputs');
  }
  const inside = new Scope(scope.body, declaredShapes(body.declared), scope);
  const given = [scalar(INT64), scalar(BOOL), ...initial.map(forgetting)];
  const { outputs, cost } = turn(follower, body, given, inside);
  const kept = outputs.slice(1, initial.length + 1).map((tensor, index) => steady(tensor, given[index + 2] ?? tensor));
  // It may end early, and then gives less.
  const rows = outputs
    .slice(initial.length + 1)
    .map(({ type, most: each }) => bounded(type, times(each, Math.max(1, count))));
  return { outputs: [...kept, ...rows], cost: turns(cost, count) };
}

export function followScan(follower: Follower, call: Call, attributes: Attributes, scope: Scope): Followed {
  if (call.opset < 9) unbounded('Scan of opset 8 is not followed');
  const body = graphOf(attributes, 'body');
  const scanned = call.int('num_scan_inputs');
  const states = call.inputs.length - scanned;
  if (scanned < 1 || states < 0 || body.inputs.length !== call.inputs.length || body.outputs.length < states) {
    unbounded('its body does not fit its inputs');
  }
  const axes = call.ints('scan_input_axes') ?? Array<number>(scanned).fill(0);
  let count: number | undefined;
  const given = call.all().map((tensor, index) => {
    if (index < states) return forgetting(tensor);
    const shape = call.shape(index);
    const axis = axisOf(axes[index - states] ?? unbounded('it has not as many axes as inputs'), shape.length);
    if (count !== undefined && count !== shape[axis]) unbounded('its inputs are not of the same length');
    count = shape[axis];
    return shaped(
      tensor.type,
      shape.filter((_, at) => at !== axis),
    );
  });
  const length = count ?? 0;
  const inside = new Scope(scope.body, declaredShapes(body.declared), scope);
  const { outputs, cost } = turn(follower, body, given, inside);
  const kept = outputs.slice(0, states).map((tensor, index) => steady(tensor, given[index] ?? tensor));
  const outputAxes = call.ints('scan_output_axes') ?? outputs.slice(states).map(() => 0);
  const rows = outputs.slice(states).map(({ type, shape, most }, index) => {
    if (!shape) return bounded(type, times(most, Math.max(1, length)));
    const axis = axisOf(outputAxes[index] ?? unbounded('it has not as many axes as outputs'), shape.length + 1);
    return shaped(type, [...shape.slice(0, axis), length, ...shape.slice(axis)]);
  });
  return { outputs: [...kept, ...rows], cost: turns(cost, length) };
}

/** One run of a body, with inputs of which only holds what holds every time. */
function turn(follower: Follower, body: Graph, given: readonly Tensor[], inside: Scope): Followed {
  for (const [index, { name }] of body.inputs.entries()) {
    const tensor = given[index];
    if (tensor) inside.define(name, tensor);
  }
  const cost = follower.graph(body, inside);
  return { outputs: body.outputs.map(({ name }) => variable(inside.get(name))), cost };
}

/** What is kept from one run of a body to the next must not grow. */
function steady(after: Tensor, before: Tensor): Tensor {
  const same = before.shape
    ? after.shape && sameShape(before.shape, after.shape)
    : after.shape === undefined && after.most <= before.most;
  if (!same) unbounded('what it keeps from one turn to the next changes its shape');
  return before;
}

function forgetting({ type, shape, most }: Tensor): Tensor {
  return shape ? shaped(type, shape) : bounded(type, most);
}

function variable(tensor: Tensor): Tensor {
  return { ...tensor, constant: false };
}

/** A body's constants are computed even if it never runs. */
function turns({ all, loading }: Cost, count: number): Cost {
  return added(NO_COST, { all: times(all + STEPS_PER_TURN, Math.max(1, count)), loading });
}

function graphOf(attributes: Attributes, name: string): Graph {
  return attributes.get(name)?.graph ?? unbounded(`it has no ${name}`);
}
