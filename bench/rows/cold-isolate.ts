/** From the first request to an isolate to its answer, by a model that must be loaded first. */
import { join } from 'node:path';
import { findFreePort } from '../../standalone/src/preflight.ts';
import type { Subject } from '../bench.ts';
import { storeMatrix } from '../matrix-calls.ts';
import type { Call } from '../raw-connection.ts';
import { inRounds, less, over } from '../row.ts';
import { startBareRun, startFloor, type WorkerServer } from '../worker-servers.ts';

export const coldIsolate: Subject = async (bench) => {
  const { home, call, bareCall } = await storeMatrix(bench);
  const first = async (started: Promise<WorkerServer>, call: Call) => {
    const server = await started;
    try {
      return (await bench.callers(server.url, { calls: [call], callers: 1 })).slowestMs;
    } finally {
      await server.stop();
    }
  };
  const port = await findFreePort();
  const { ours, bare, floor } = await inRounds(bench.rounds, {
    ours: () => first(startBareRun(home, port), call),
    bare: () => first(startBareRun(home, port), bareCall),
    floor: () => first(startFloor(port, join(bench.folder, 'floor')), { ...call, path: '/map', headers: {} }),
  });
  const samples = { gatewayMs: ours, bareMs: bare, floorMs: floor };
  return [
    {
      id: 'cold-isolate',
      what: 'first answer of a cold isolate by a model, against ONNX Runtime alone doing it',
      target: undefined,
      ratios: over(ours, bare),
      samples,
    },
    {
      id: 'cold-isolate-floor',
      what: "the same, over the first answer of the floor's isolate",
      unit: 'ms',
      target: undefined,
      ratios: less(ours, floor),
      samples,
    },
  ];
};
