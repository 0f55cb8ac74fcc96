/** Reads from ONNX Runtime's verbose log where the nodes of a model run. Pure. */

/** Operators by name, each with how many nodes of it there are. */
export type OperatorCounts = Record<string, number>;

/** VerifyEachNodeIsAssignedToAnEp in ONNX Runtime's session_state.cc writes these. */
const LINE = /VerifyEachNodeIsAssignedToAnEp\] (.*)$/;
const PROVIDER = /^ ?Node\(s\) placed on \[(\w+)\]/;
const ALL = /^ ?All nodes placed on \[(\w+)\]\. Number of nodes: (\d+)/;
const NODE = /^ {2,}(\S+) \(/;

/**
 * @param log what ONNX Runtime wrote while it loaded one model
 * @returns the operators that run on the CPU; undefined where the log does not tell
 */
export function cpuOperators(log: string): OperatorCounts | undefined {
  let provider: string | undefined;
  let told = false;
  const counts: OperatorCounts = {};
  for (const line of log.split('\n')) {
    const text = LINE.exec(line)?.[1];
    if (text === undefined) continue;
    const all = ALL.exec(text);
    const some = PROVIDER.exec(text);
    const operator = NODE.exec(text)?.[1];
    if (all) {
      told = true;
      if (all[1] === 'CPUExecutionProvider') counts['every operator'] = Number(all[2]);
    } else if (some) {
      told = true;
      provider = some[1];
    } else if (operator && provider === 'CPUExecutionProvider') {
      counts[operator] = (counts[operator] ?? 0) + 1;
    }
  }
  return told ? counts : undefined;
}
