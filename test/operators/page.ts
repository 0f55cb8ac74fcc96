/** The run of the operator suite as a page. */
import { machine } from '../../soak/reports/machine.ts';
import { seconds, tableOf } from '../../soak/support/table.ts';
import type { Place } from './over-http.ts';
import type { CaseResult, PlaceResult, SuiteRun } from './run-suite.ts';

export function pageOf({ results, admissionMs, inferences, inferenceMs }: SuiteRun): string {
  const count = (place: Place, is: (result: PlaceResult) => boolean) =>
    results.filter(({ places }) => is(places[place])).length;
  const row = (what: string, is: (result: PlaceResult) => boolean) => [what, count('edge', is), count('node', is)];
  return `# Operators

ONNX's own tests of single operators (Debian's \`libonnx-testdata\`, ${results.length} models), each uploaded as a version and run over HTTP at the edge and
on a node, beside ONNX Runtime itself without any of ours between: in WASM and on the CPU. Outputs are compared as ONNX does (a relative
1e-3, absolute 1e-7; integers and strings exactly). What does not pass is in \`test/operators/known-failures.json\`.
\`npm run test:operators -- --record\`. ${machine()}

${tableOf(
  ['', 'edge', 'node'],
  [
    row('ONNX Runtime itself passes', ({ baseline }) => baseline),
    row('passed, binary', ({ passed }) => passed.binary),
    row('passed, JSON', ({ passed }) => passed.json),
    row('passed only by ONNX Runtime itself', ({ baseline, reason }) => baseline && reason !== undefined),
  ],
)}

${results.filter(({ stated }) => stated).length} models refuse generated inputs and are admitted with their own stated in the manifest. Admission took ${seconds(admissionMs)},
the ${inferences} inferences ${seconds(inferenceMs)}.

Why the others do not pass:

${tableOf(['', 'edge', 'node'], kindsOf(results))}
`;
}

function kindsOf(results: readonly CaseResult[]): [string, number, number][] {
  const kinds = new Map<string, Record<Place, number>>();
  for (const { places } of results) {
    for (const place of ['edge', 'node'] as const) {
      const kind = places[place].reason?.split(':', 1)[0];
      if (kind === undefined) continue;
      const counts = kinds.get(kind) ?? { edge: 0, node: 0 };
      counts[place]++;
      kinds.set(kind, counts);
    }
  }
  return [...kinds].map(([kind, { edge, node }]): [string, number, number] => [kind, edge, node]).sort();
}
