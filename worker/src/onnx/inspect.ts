/** Static inspection of an ONNX file: what it takes, gives and needs, or the sentence that says why it is refused. */
import type { InspectionReport, TensorSpec } from '@lepton-edge/protocol';
import { checkFunction, checkGraph } from './check-graph.ts';
import { checkOperators } from './check-operators.ts';
import type { ExternalFile } from './external-data.ts';
import { RUNTIME } from './known-operators.ts';
import { checkExpansion, type FunctionTable, localFunctionsOf } from './local-functions.ts';
import { allNodes, type Graph, type Model } from './model.ts';
import { opsetsOf } from './opsets.ts';
import { readModel } from './read-model.ts';
import type { RangeSource } from './reader.ts';
import { quote, refuse } from './refuse.ts';
import { signatureOf } from './signature-of.ts';

export type { RangeSource } from './reader.ts';

export interface Inspection {
  report: InspectionReport;
  /** Of the graph, in its order; graph inputs that an initializer gives a value are left out. */
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  /** The files that hold weights outside of this one, by path. */
  externalData: ExternalFile[];
  /** Whether any node runs a graph of its own: `If`, `Loop`, `Scan` and their like. */
  controlFlow: boolean;
  /** Whether any of them may run it more than once, so that the file alone does not bound a run: all but `If`. */
  loops: boolean;
}

const MIN_IR_VERSION = 3;
const MAX_PRODUCER_LENGTH = 256;
const EMPTY_GRAPH: Graph = { inputs: [], outputs: [], weights: [], tensors: [], nodes: [], declared: [] };
const CONTROL_FLOW = new Set(['If', 'Loop', 'Scan']);

/**
 * Reads the file once, forward, by ranges of 16 MiB at most, 256 KiB where few are needed, without its weights; memory is bounded whatever the file says.
 * @throws LeptonError `model_invalid` with a sentence for the uploader; what the source throws passes through as it is
 */
export async function inspectOnnx(file: RangeSource): Promise<Inspection> {
  return inspectModel(await readModel(file), file.sizeBytes);
}

/** As `inspectOnnx`, of a file that was read already. */
export function inspectModel(model: Model, sizeBytes: number): Inspection {
  const { names, graph = EMPTY_GRAPH } = model;
  checkIrVersion(model);
  const opsets = opsetsOf(model.opsetImports, 'the model');
  if (opsets.size === 0) {
    refuse(
      'the model has no opset_import: the file is cut off, or it was written by something that does not follow ONNX',
    );
  }
  const functions = localFunctionsOf(model);
  const operators = new Map<string, number>();
  checkOperators(graph.nodes, opsets, functions, names, operators);
  for (const [key, body] of functions) {
    const own = opsetsOf(body.opsetImports, `function ${quote(key)}`);
    checkOperators(body.nodes, new Map([...opsets, ...own]), functions, names, operators);
    checkFunction(body, names);
  }
  checkExpansion(model, functions);
  checkGraph(graph, names);
  return {
    report: {
      irVersion: model.irVersion,
      opsets: Object.fromEntries(opsets),
      operators: Object.fromEntries([...operators].sort(([a], [b]) => (a < b ? -1 : 1))),
      parameterCount: model.parameterCount,
      sizeBytes,
      ...(model.producer === '' ? {} : { producer: model.producer.slice(0, MAX_PRODUCER_LENGTH) }),
    },
    ...signatureOf(graph, names),
    externalData: [...model.externalData]
      .map(([path, minSizeBytes]) => ({ path, minSizeBytes }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
    ...controlFlowOf(model, functions),
  };
}

function checkIrVersion({ irVersion }: Model): void {
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

function controlFlowOf({ graph, names }: Model, functions: FunctionTable): Pick<Inspection, 'controlFlow' | 'loops'> {
  let controlFlow = false;
  let loops = false;
  for (const nodes of [graph?.nodes ?? [], ...[...functions.values()].map((body) => body.nodes)]) {
    for (const node of allNodes(nodes)) {
      const operator = names.textOf(node.operator);
      if (!node.graphs && !CONTROL_FLOW.has(operator)) continue;
      controlFlow = true;
      loops ||= operator !== 'If';
    }
  }
  return { controlFlow, loops };
}
