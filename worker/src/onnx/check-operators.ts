/** Whether the runtime has every operator that a model uses, in the opset the model asks for. */
import { domainsWith, opsetsWith, RUNTIME } from './known-operators.ts';
import type { FunctionTable } from './local-functions.ts';
import { allNodes, DEFAULT_DOMAIN, type Node, nodeName, splitKey } from './model.ts';
import type { Names } from './names.ts';
import type { Opsets } from './opsets.ts';
import { quote, refuse } from './refuse.ts';

/**
 * Checks `nodes` and all inside them, and counts each operator into `counts`.
 * @throws LeptonError `model_invalid` naming the operator, its domain and opset, the node, and what would help
 */
export function checkOperators(
  nodes: readonly Node[],
  opsets: Opsets,
  functions: FunctionTable,
  names: Names,
  counts: Map<string, number>,
): void {
  for (const node of allNodes(nodes)) {
    const key = names.textOf(node.operator);
    if (!functions.has(key)) checkOperator(node, key, opsets, names);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}

function checkOperator(node: Node, key: string, opsets: Opsets, names: Names): void {
  const { domain, name } = splitKey(key);
  const user = `node ${quote(nodeName(node, names))}`;
  if (name === '') refuse(`${user} names no operator`);
  const supported = RUNTIME.opsets.get(domain);
  if (!supported) {
    refuse(
      `${user} uses the operator ${quote(name)} of domain ${quote(domain)}, ONNX Runtime ${RUNTIME.version} has only ` +
        `${[...RUNTIME.opsets.keys()].join(', ')}: replace custom operators by standard ones, or export them as local functions`,
    );
  }
  // A domain that is not imported is taken by the runtime in its newest version.
  const opset = opsets.get(domain) ?? supported[1];
  const range = opsetsWith(domain, name);
  const what = `${user} uses the operator ${quote(name)} of ${domain} opset ${opset}`;
  if (!range) {
    const elsewhere = domainsWith(name);
    refuse(
      `${what}, which ONNX Runtime ${RUNTIME.version} does not have${elsewhere.length > 0 ? ` (domain ${elsewhere.join(', ')} has it)` : ''}: ` +
        'replace it by standard operators, or export it as a local function',
    );
  }
  const [first, last] = range;
  const again = (version: number) =>
    domain === DEFAULT_DOMAIN
      ? `export again with opset_version=${version}`
      : `export again with ${domain} version ${version}`;
  if (opset < first) refuse(`${what}, which has it since opset ${first}: ${again(first)} or later`);
  if (opset > last) refuse(`${what}, which has it up to opset ${last} only: ${again(last)}, or with a newer exporter`);
}
