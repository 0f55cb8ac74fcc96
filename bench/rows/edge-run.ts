/** Inference at the edge, against the same `session.run` in the same isolate; over HTTP both, so that HTTP cancels out. */
import { findFreePort } from '../../standalone/src/preflight.ts';
import type { Subject } from '../bench.ts';
import { storeMatrix } from '../matrix-calls.ts';
import type { Call } from '../raw-connection.ts';
import { inRounds, less } from '../row.ts';
import { startBareRun } from '../worker-servers.ts';

export const edgeRun: Subject = async (bench) => {
  const { home, call, bareCall } = await storeMatrix(bench);
  const { url } = bench.own(await startBareRun(home, await findFreePort()));
  const p50 = async (call: Call) => (await bench.callers(url, { calls: [call], callers: 1, ms: bench.windowMs })).p50Ms;
  // The gateway first: it is the one that starts ONNX Runtime.
  const { ours, bare } = await inRounds(bench.rounds, { ours: () => p50(call), bare: () => p50(bareCall) });
  return [
    {
      id: 'edge-run',
      what: 'inference at the edge, added at p50 to session.run in the same isolate',
      unit: 'ms',
      target: { atMost: 0.5 },
      ratios: less(ours, bare),
      samples: { gatewayP50Ms: ours, bareP50Ms: bare },
    },
  ];
};
