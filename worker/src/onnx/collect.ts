/** Decodes the pieces of a model as the walk hands them over and keeps of each what the checks read. */
import onnxProto from 'onnx-proto';
import { type ExternalFile, locationOf } from './external-data.ts';
import type { Frame } from './frame.ts';
import {
  domainOf,
  type Graph,
  type LocalFunction,
  type Model,
  type Node,
  type OpsetImport,
  operatorKey,
} from './model.ts';
import { Names } from './names.ts';
import { quote, refuse } from './refuse.ts';
import { specOf } from './signature-of.ts';
import { elementCount } from './tensor-size.ts';
import type { Visitor } from './walk.ts';

const { onnx } = onnxProto;

/** Exporters write some thousands; the runtime would hold them all in the Worker's memory. */
export const MAX_NODES = 50_000;
const MAX_GRAPHS = 10_000;
const MAX_FUNCTIONS = 2_000;
const MAX_FILES = 1_000;
const EXTERNAL = 1;

/** A graph, node or function whose end has not come yet. */
interface Open {
  graph?: Graph;
  nodes: Node[];
  graphs: Graph[];
  /** Elements of the tensors among a node's attributes. */
  elements: number;
}

export class Collector implements Visitor {
  private readonly names = new Names();
  private readonly open: Open[] = [];
  private readonly functions: LocalFunction[] = [];
  private readonly externalData = new Map<string, number>();
  private graph: Graph | undefined;
  private parameterCount = 0;
  private nodeCount = 0;
  private graphCount = 0;

  enter({ message }: Frame): void {
    if (message.name === 'GraphProto') {
      this.graphCount += 1;
      if (this.graphCount > MAX_GRAPHS)
        refuse(`the model has more than ${MAX_GRAPHS} graphs, the most that are inspected`);
      const nodes: Node[] = [];
      this.open.push({ graph: { inputs: [], outputs: [], weights: [], nodes }, nodes, graphs: [], elements: 0 });
    } else if (message.name === 'NodeProto') {
      this.nodeCount += 1;
      if (this.nodeCount > MAX_NODES) refuse(`the model has more than ${MAX_NODES} nodes, the most that are inspected`);
      this.open.push({ nodes: [], graphs: [], elements: 0 });
    } else if (message.name === 'FunctionProto') {
      if (this.functions.length >= MAX_FUNCTIONS) refuse(`the model has more than ${MAX_FUNCTIONS} functions`);
      this.open.push({ nodes: [], graphs: [], elements: 0 });
    }
  }

  leave(frame: Frame, bytes: Uint8Array): void {
    if (frame.message.name === 'NodeProto') this.leaveNode(bytes);
    else if (frame.message.name === 'TensorProto') this.leaveTensor(frame, bytes);
    else if (frame.message.name === 'ValueInfoProto') this.leaveValue(frame, bytes);
    else if (frame.message.name === 'GraphProto') this.leaveGraph();
    else if (frame.message.name === 'FunctionProto') this.leaveFunction(bytes);
  }

  /** The whole, once the walk has ended with `rest`. */
  result(rest: Uint8Array): Model {
    const { irVersion, producerName, producerVersion, opsetImport } = onnx.ModelProto.decode(rest);
    const { graph, functions, names, parameterCount, externalData } = this;
    const producer = [producerName, producerVersion].filter(Boolean).join(' ');
    const opsetImports = importsOf(opsetImport);
    return { irVersion: int(irVersion), producer, opsetImports, graph, functions, names, parameterCount, externalData };
  }

  private leaveNode(bytes: Uint8Array): void {
    const { graphs, elements } = this.close();
    const { name, opType, domain, input, output } = onnx.NodeProto.decode(bytes);
    const key = operatorKey(domainOf(domain), opType);
    if (key === 'Constant') this.addParameters(elements);
    this.innermost().nodes.push({
      name: this.names.numberOf(name),
      operator: this.names.numberOf(key),
      inputs: this.numbersOf(input),
      outputs: this.numbersOf(output),
      graphs: graphs.length > 0 ? graphs : undefined,
    });
  }

  private leaveTensor(frame: Frame, bytes: Uint8Array): void {
    const { name, dims, dataLocation, externalData } = onnx.TensorProto.decode(bytes);
    const count = elementCount(dims.map(int), `tensor ${quote(name)}`);
    if (dataLocation === EXTERNAL) this.addExternal(locationOf(name, externalData));
    if (this.externalData.size > MAX_FILES)
      refuse(`the weights are in more than ${MAX_FILES} files, expected one or few`);
    const sparse = frame.parent?.message.name === 'SparseTensorProto';
    if (sparse && frame.field?.name === 'indices') return;
    const owner = sparse ? frame.parent?.parent : frame.parent;
    const { graph } = this.innermost();
    if (owner?.message.name !== 'GraphProto' || !graph) {
      this.innermost().elements += count;
      return;
    }
    graph.weights.push(this.names.numberOf(name));
    this.addParameters(count);
  }

  private leaveValue({ parent, field }: Frame, bytes: Uint8Array): void {
    const { graph } = this.innermost();
    const info = onnx.ValueInfoProto.decode(bytes);
    const own = parent?.parent?.parent === undefined;
    const value = { name: this.names.numberOf(info.name), ...(own ? specOf(info) : {}) };
    (field?.name === 'input' ? graph?.inputs : graph?.outputs)?.push(value);
  }

  private leaveGraph(): void {
    const { graph } = this.close();
    const around = this.open.at(-1);
    if (around && graph) around.graphs.push(graph);
    else this.graph = graph;
  }

  private leaveFunction(bytes: Uint8Array): void {
    const { nodes } = this.close();
    const { name, domain, input, output, opsetImport } = onnx.FunctionProto.decode(bytes);
    this.functions.push({
      key: operatorKey(domainOf(domain), name),
      opsetImports: importsOf(opsetImport),
      inputs: this.numbersOf(input),
      outputs: this.numbersOf(output),
      nodes,
    });
  }

  private addExternal({ path, minSizeBytes }: ExternalFile): void {
    this.externalData.set(path, Math.max(minSizeBytes, this.externalData.get(path) ?? 0));
  }

  private addParameters(count: number): void {
    this.parameterCount += count;
    if (!Number.isSafeInteger(this.parameterCount))
      refuse('the tensors of the model have more elements than can be counted');
  }

  private numbersOf(names: readonly string[]): number[] {
    return names.map((name) => this.names.numberOf(name));
  }

  private innermost(): Open {
    const open = this.open.at(-1);
    if (!open) throw new Error('a piece of a model came without a graph around it');
    return open;
  }

  private close(): Open {
    const open = this.innermost();
    this.open.pop();
    return open;
  }
}

/** An int64 of the file, which the decoder gives as a number or, where it finds one, in a class of its own. */
function int(value: unknown): number {
  return Number(value ?? 0);
}

function importsOf(imports: readonly { domain?: string | null; version?: unknown }[]): OpsetImport[] {
  return imports.map(({ domain, version }) => ({ domain: domainOf(domain), version: int(version) }));
}
