/** The subjects of the benchmark in the order of the table. */
import type { Subject } from '../bench.ts';

export const SUBJECTS = {
  'cache-hit': async (): Promise<Subject> => (await import('./cache-hit.ts')).cacheHit,
  'cache-colo': async (): Promise<Subject> => (await import('./cache-colo.ts')).cacheColo,
  'edge-run': async (): Promise<Subject> => (await import('./edge-run.ts')).edgeRun,
  delegated: async (): Promise<Subject> => (await import('./delegated.ts')).delegated,
  'gpu-node': async (): Promise<Subject> => (await import('./gpu-node.ts')).gpuNode,
  growth: async (): Promise<Subject> => (await import('./growth.ts')).growth,
  upload: async (): Promise<Subject> => (await import('./upload.ts')).upload,
  'cold-isolate': async (): Promise<Subject> => (await import('./cold-isolate.ts')).coldIsolate,
  'alias-flip': async (): Promise<Subject> => (await import('./alias-flip.ts')).aliasFlip,
  overload: async (): Promise<Subject> => (await import('./overload.ts')).overload,
};
