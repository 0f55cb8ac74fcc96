/** Inference at the edge, against the same `session.run` in the same isolate; over HTTP both, so that HTTP cancels out. */
import type { ManifestInput } from '@lepton-edge/protocol';
import { findFreePort } from '../../standalone/src/preflight.ts';
import type { Subject } from '../bench.ts';
import { createMatrix, matrixBytes, matrixCall } from '../matrix-calls.ts';
import { inRounds, less } from '../row.ts';
import { startBareRun } from '../worker-servers.ts';

const UNCACHED: ManifestInput = { placement: { policy: 'edge' }, cache: { ttlSeconds: 0 } };

export const edgeRun: Subject = async (bench) => {
  const first = await bench.gateway('gateway');
  const client = first.client();
  await createMatrix(client, 'matrix', UNCACHED);
  const { manifest } = await client.versions.get('matrix', 1);
  await first.stop();
  const { url } = bench.own(await startBareRun(first.home, await findFreePort()));
  const call = matrixCall('matrix', first.key);
  const bareCall = {
    path: '/bare',
    headers: { 'x-bench-digest': manifest.files[0]?.digest ?? '' },
    body: matrixBytes(),
  };
  const p50 = async (calls: (typeof bareCall)[] | (typeof call)[]) =>
    (await bench.callers(url, { calls, callers: 1, ms: bench.windowMs })).p50Ms;
  // The gateway first: it is the one that starts ONNX Runtime.
  const { ours, bare } = await inRounds(bench.rounds, { ours: () => p50([call]), bare: () => p50([bareCall]) });
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
