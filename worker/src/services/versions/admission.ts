/** What inspection alone can tell of where a version may run. */
import type { Admission, PlacementPolicy } from '@lepton-edge/protocol';
import type { Inspection } from '../../onnx/inspect.ts';

/**
 * Files above this leave no room beside ONNX Runtime in an isolate: weights take about 2.5 times their size there, and
 * runtime and weights together have 62.5 MiB.
 */
const MAX_EDGE_MODEL_BYTES = 16 * 1024 * 1024;

export function admissionOf({ report, loops }: Inspection, policy: PlacementPolicy): Admission {
  const reason = ineligible(report.sizeBytes, loops, policy);
  return {
    inspection: report,
    edgeEligible: reason === undefined,
    ...(reason === undefined ? {} : { edgeReason: reason }),
    notes: [],
  };
}

function ineligible(sizeBytes: number, loops: boolean, policy: PlacementPolicy): string | undefined {
  if (policy === 'node') return 'its policy is "node"';
  if (sizeBytes > MAX_EDGE_MODEL_BYTES) {
    return `it is ${sizeBytes} bytes, at most ${MAX_EDGE_MODEL_BYTES} fit beside ONNX Runtime in an isolate`;
  }
  return loops ? 'it has a Loop or Scan, and nothing interrupts a run at the edge that does not end' : undefined;
}
