/** The subjects of the benchmark in the order of the table. */
import type { Subject } from '../bench.ts';

export const SUBJECTS = {
  'cache-hit': async (): Promise<Subject> => (await import('./cache-hit.ts')).cacheHit,
  'cache-colo': async (): Promise<Subject> => (await import('./cache-colo.ts')).cacheColo,
  'edge-run': async (): Promise<Subject> => (await import('./edge-run.ts')).edgeRun,
  'gpu-node': async (): Promise<Subject> => (await import('./gpu-node.ts')).gpuNode,
};
