/** Static inspection of an ONNX file: what it takes, gives and needs, or the sentence that says why it is refused. */
import type { InspectionReport, TensorSpec } from '@lepton-edge/protocol';
import { checkFunction, checkGraph } from './check-graph.ts';
import { checkOperators } from './check-operators.ts';
import { externalDataOf } from './external-data.ts';
import { RUNTIME } from './known-operators.ts';
import { checkExpansion, type FunctionTable, localFunctionsOf } from './local-functions.ts';
import {
  allNodes,
  DEFAULT_DOMAIN,
  domainOf,
  type Model,
  numberOf,
  parametersOf,
  parametersOfNodes,
  subgraphsOf,
} from './model.ts';
import { opsetsOf } from './opsets.ts';
import { readModel } from './read-model.ts';
import type { RangeSource } from './reader.ts';
import { quote, refuse } from './refuse.ts';
import { signatureOf } from './signature-of.ts';
import { elementCount } from './tensor-size.ts';

export type { RangeSource } from './reader.ts';

export interface Inspection {
  report: InspectionReport;
  /** Of the graph, in its order; graph inputs that an initializer gives a value are left out. */
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  /** Relative paths of the files that hold weights outside of this one, sorted. */
  externalData: string[];
  /** Whether any node runs a graph of its own: `If`, `Loop`, `Scan` and their like. */
  controlFlow: boolean;
  /** Whether any of them may run it more than once, so that the file alone does not bound a run: all but `If`. */
  loops: boolean;
}

const MIN_IR_VERSION = 3;
const MAX_PRODUCER_LENGTH = 256;
const CONTROL_FLOW = new Set(['If', 'Loop', 'Scan']);

/**
 * Reads the file once, forward, by ranges of 256 KiB at most, without its weights; memory is bounded whatever the file says.
 * @throws LeptonError `model_invalid` with a sentence for the uploader; what the source throws passes through as it is
 */
export async function inspectOnnx(file: RangeSource): Promise<Inspection> {
  const model = await readModel(file);
  const graph = model.graph ?? {};
  checkIrVersion(model);
  const opsets = opsetsOf(model.opsetImport ?? [], 'the model');
  if (opsets.size === 0) {
    refuse(
      'the model has no opset_import: the file is cut off, or it was written by something that does not follow ONNX',
    );
  }
  const functions = localFunctionsOf(model);
  const operators = new Map<string, number>();
  checkOperators(graph.node ?? [], opsets, functions, operators);
  for (const [key, body] of functions) {
    const own = opsetsOf(body.opsetImport ?? [], `function ${quote(key)}`);
    checkOperators(body.node ?? [], new Map([...opsets, ...own]), functions, operators);
    checkFunction(body);
  }
  checkExpansion(model, functions);
  checkGraph(graph);
  const producer = [model.producerName, model.producerVersion].filter(Boolean).join(' ');
  return {
    report: {
      irVersion: numberOf(model.irVersion),
      opsets: Object.fromEntries(opsets),
      operators: Object.fromEntries([...operators].sort(([a], [b]) => (a < b ? -1 : 1))),
      parameterCount: parameterCountOf(model),
      sizeBytes: file.sizeBytes,
      ...(producer === '' ? {} : { producer: producer.slice(0, MAX_PRODUCER_LENGTH) }),
    },
    ...signatureOf(graph),
    externalData: externalDataOf(model),
    ...controlFlowOf(model, functions),
  };
}

function checkIrVersion(model: Model): void {
  const irVersion = numberOf(model.irVersion);
  if (irVersion < MIN_IR_VERSION) {
    refuse(
      `the model has IR version ${irVersion}, expected ${MIN_IR_VERSION} to ${RUNTIME.maxIrVersion}: export it again`,
    );
  }
  if (irVersion > RUNTIME.maxIrVersion) {
    refuse(
      `the model has IR version ${irVersion}, ONNX Runtime ${RUNTIME.version} reads at most ${RUNTIME.maxIrVersion}: ` +
        'export it again with an older onnx package, or set model.ir_version',
    );
  }
}

function parameterCountOf(model: Model): number {
  let total = 0;
  const add = (tensors: Iterable<{ dims?: unknown[] | null; name?: string | null }>) => {
    for (const { dims, name } of tensors)
      total += elementCount((dims ?? []).map(numberOf), `tensor ${quote(name ?? '')}`);
  };
  add(parametersOf(model.graph ?? {}));
  for (const { node } of model.functions ?? []) add(parametersOfNodes(node ?? []));
  if (!Number.isSafeInteger(total)) refuse('the tensors of the model have more elements than can be counted');
  return total;
}

function controlFlowOf(model: Model, functions: FunctionTable): Pick<Inspection, 'controlFlow' | 'loops'> {
  let controlFlow = false;
  let loops = false;
  for (const nodes of [model.graph?.node ?? [], ...[...functions.values()].map(({ node }) => node ?? [])]) {
    for (const node of allNodes(nodes)) {
      const operator = domainOf(node.domain) === DEFAULT_DOMAIN ? (node.opType ?? '') : '';
      if (subgraphsOf(node).length === 0 && !CONTROL_FLOW.has(operator)) continue;
      controlFlow = true;
      loops ||= operator !== 'If';
    }
  }
  return { controlFlow, loops };
}
