/** The end of an admission: ready or rejected, and where the version may run. Pure. */
import type { Admission, Manifest, TrialFailure } from '@lepton-edge/protocol';
import type { ControlFlow } from '../../db/schema.ts';
import { bestBatchSize } from './best-batch-size.ts';

/** Files above this leave no room beside ONNX Runtime in an isolate, whatever a trial alone in one shows. */
const MAX_EDGE_MODEL_BYTES = 16 * 1024 * 1024;
/** What a loaded model may take of the heap: the rest is the runtime's, and the inputs' of the requests under way. */
const MAX_EDGE_HEAP_BYTES = 32 * 1024 * 1024;
/** The Worker has 30 s of CPU for a request by default; others wait in the meantime. */
const MAX_EDGE_RUN_MS = 5_000;
/** What takes longer natively is not begun in WASM, where it takes several times as long. */
const MAX_NODE_RUN_MS = 1_000;
/**
 * Without a node to bound it first, a run above this is not begun where nothing can interrupt it. On subnormal numbers, which
 * a file may choose, it takes about as long as a run may take there.
 */
const MAX_UNBOUNDED_MULTIPLY_ADDS = 4e8;

const NOT_TRIED =
  "its trial there could not be made, which is no fault of the model's: upload it again, and tell the operator if that ends so, too";

export interface Settled {
  state: 'ready' | 'rejected';
  reason?: string;
  admission: Admission;
}

export interface Bounds {
  controlFlow: ControlFlow;
}

/** Why a version cannot be tried at the edge at all, whatever else is known. */
export function edgeExcluded({ files, placement }: Manifest): string | undefined {
  if (placement.policy === 'node') return 'its policy is "node"';
  if (files.length > 1 && files.some(({ path }) => !isCompanion(path))) return 'its weights are in several files';
  const [main] = files;
  if (main && main.sizeBytes > MAX_EDGE_MODEL_BYTES) {
    return `it is ${main.sizeBytes} bytes, at most ${MAX_EDGE_MODEL_BYTES} fit beside ONNX Runtime in an isolate`;
  }
  return undefined;
}

/**
 * Why a run at the edge is not to be begun: nothing interrupts it there. A run that ended on a node is bounded by that,
 * one that contains no loop also by what the file tells of its cost.
 */
export function edgeUnbounded(admission: Admission, { controlFlow }: Bounds): string | undefined {
  if (controlFlow === 'loops')
    return 'it has a Loop or Scan, and nothing interrupts a run at the edge that does not end';
  if (admission.node) {
    if (admission.node.runMs <= MAX_NODE_RUN_MS) return undefined;
    return `a run takes ${Math.round(admission.node.runMs)} ms on a node, and several times that at the edge`;
  }
  if (admission.nodeFailure) return `on a node ${tellFailure(admission.nodeFailure)}`;
  const help = 'join a gpu-node, whose trial bounds it, and upload the version again';
  if (controlFlow === 'unknown') return `its file does not tell what a run costs: ${help}`;
  if (controlFlow === 'branches') return `it has an If, and no node was there to bound its run: ${help}`;
  const { multiplyAdds } = admission;
  if (multiplyAdds === undefined) return `its file does not tell what a run costs: ${help}`;
  if (multiplyAdds < MAX_UNBOUNDED_MULTIPLY_ADDS) return undefined;
  const [cost, most] = [multiplyAdds.toExponential(1), MAX_UNBOUNDED_MULTIPLY_ADDS.toExponential(0)];
  return `a run takes ${cost} multiply-adds, at most ${most} are begun at the edge unbounded: ${help}`;
}

/** Decides on what the trials found. */
export function settle(found: Admission, manifest: Manifest, bounds: Bounds): Settled {
  const edgeReason = edgeReasonOf(found, manifest, bounds);
  const { edgeReason: _, ...rest } = found;
  const admission: Admission = {
    ...rest,
    edgeEligible: edgeReason === undefined,
    ...(edgeReason === undefined ? {} : { edgeReason }),
    ...batchingOf(found),
  };
  const reason = rejection(admission, manifest);
  return reason === undefined
    ? { state: 'ready', admission }
    : { state: 'rejected', reason, admission: { ...admission, edgeEligible: false } };
}

function edgeReasonOf(found: Admission, manifest: Manifest, bounds: Bounds): string | undefined {
  const excluded = edgeExcluded(manifest);
  if (excluded !== undefined) return excluded;
  if (found.edgeFailure) return tellFailure(found.edgeFailure);
  const { edge } = found;
  if (!edge) return edgeUnbounded(found, bounds) ?? NOT_TRIED;
  if ((edge.wasmBytes ?? 0) > MAX_EDGE_HEAP_BYTES) {
    return `it takes ${edge.wasmBytes} bytes of ONNX Runtime's heap, at most ${MAX_EDGE_HEAP_BYTES} fit in an isolate`;
  }
  if (edge.runMs > MAX_EDGE_RUN_MS) {
    return `a run takes ${Math.round(edge.runMs)} ms there, at most ${MAX_EDGE_RUN_MS} ms do not keep others waiting too long`;
  }
  return undefined;
}

function rejection(
  { edgeEligible, edgeReason, node, nodeFailure }: Admission,
  { placement }: Manifest,
): string | undefined {
  if (nodeFailure?.kind === 'stopped') return `on a node ${tellFailure(nodeFailure)}`;
  if (placement.policy === 'edge') {
    if (edgeEligible) return undefined;
    return `its policy is "edge", and it cannot run there: ${edgeReason}. State placement.policy "auto" or "node" to have it run on nodes`;
  }
  // A model that refuses generated inputs was loaded, and works on inputs that its callers know better.
  const nodeWorks = node !== undefined || nodeFailure === undefined || nodeFailure.kind === 'inputs';
  return nodeWorks || edgeEligible ? undefined : `on a node ${tellFailure(nodeFailure)}; at the edge: ${edgeReason}`;
}

function tellFailure({ kind, message }: TrialFailure): string {
  switch (kind) {
    case 'load':
      return `it cannot be loaded: ${message}. Export it with operators and datatypes that ONNX Runtime implements`;
    case 'memory':
      return `it needs more memory than there is: ${message}. Make it smaller, for instance with its weights in int8`;
    case 'stopped':
      return `its run brought the engine down or had to be stopped: ${message}. See that its loops end, and try it with ONNX Runtime itself`;
    case 'inputs':
      return `it refused every generated input: ${message}. State fitting shapes and values in the manifest under trial.inputs`;
  }
}

/** Batches pay where they change no answer and make items cheaper. */
function batchingOf({ node, edge }: Admission): Pick<Admission, 'batching'> {
  const report = node ?? edge;
  if (!report?.batchInvariant) return {};
  return { batching: { maxBatchSize: bestBatchSize(report.perItemMs) } };
}

/** Files that describe a model and are no part of its weights. */
function isCompanion(path: string): boolean {
  return /\.(onnx|ort|json|txt|md)$/i.test(path);
}
