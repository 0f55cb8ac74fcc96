/** Triton's extensions of the protocol that clients use: the repository's index, a model's configuration and statistics. */
import {
  LeptonError,
  type ModelStatistics,
  modelConfig,
  parseJson,
  type RepositoryIndex,
  RepositoryIndexRequest,
  type VersionState,
  type VersionStatistics,
} from '@lepton-edge/protocol';
import { Hono } from 'hono';
import { type AppContext, type AppEnv, waitUntilOf } from '../http/app-env.ts';
import { readBody } from '../http/body.ts';
import { invalidRequest } from '../http/openapi.ts';
import { noCounts, type Tally, type VersionCounts } from '../hubs/counts.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { listInferableVersions } from '../services/models/list-inferable.ts';
import { MODEL_PATHS, referenceOf } from './reference.ts';

const MAX_BODY_BYTES = 64 * 1024;
const STATES = { ready: 'READY', admitting: 'LOADING', rejected: 'UNAVAILABLE', archived: 'UNAVAILABLE' } as const;
const LISTED: readonly VersionState[] = ['ready', 'admitting', 'rejected'];

export const repositoryRoutes = new Hono<AppEnv>();

repositoryRoutes.post('/v2/repository/index', authenticate('infer', 'models:read'), async (c) => {
  const { ready } = await readIndexRequest(c.req.raw);
  const states = ready ? (['ready'] as const) : LISTED;
  const versions = await listInferableVersions(c.get('gateway'), c.get('principal'), states);
  const index = versions.map(({ model, version, state, reason }) => ({
    name: model,
    version: String(version),
    state: STATES[state],
    reason: state === 'ready' ? '' : (reason ?? 'it is being tried'),
  }));
  return c.json<RepositoryIndex>(index);
});

// No operation of ours: whoever comes with one is told what to do instead.
repositoryRoutes.all('/v2/repository/models/*', authenticate('infer', 'models:read'), (c) => {
  const path = new URL(c.req.url).pathname;
  const instead = 'versions are added under /api/models, moved to by aliases, and loaded where requests need them';
  throw new LeptonError('invalid_request', `${path}: a gateway loads models by itself; ${instead}`);
});

for (const kind of ['systemsharedmemory', 'cudasharedmemory']) {
  repositoryRoutes.all(`/v2/${kind}/*`, authenticate('infer'), () => {
    throw new LeptonError(
      'invalid_request',
      'there is no memory to share with a gateway: send the data in the request',
    );
  });
}

for (const path of MODEL_PATHS) {
  repositoryRoutes.get(`${path}/config`, authenticate('infer', 'models:read'), async (c) => {
    const { version } = await resolve(c);
    return c.json(modelConfig(version.model, version.manifest));
  });
  repositoryRoutes.get(`${path}/stats`, authenticate('infer', 'models:read'), async (c) =>
    c.json<ModelStatistics>({ model_stats: await statistics(c) }),
  );
}

async function readIndexRequest(request: Request) {
  const bytes = await readBody(request, MAX_BODY_BYTES);
  if (bytes.byteLength === 0) return { ready: false };
  const parsed = RepositoryIndexRequest.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data;
  throw invalidRequest(parsed.error, 'json');
}

/** Of the version that is named, of those an alias points to, or of all that were ever asked. */
async function statistics(c: AppContext): Promise<VersionStatistics[]> {
  const gateway = c.get('gateway');
  const ref = referenceOf(c);
  const principal = c.get('principal');
  const waitUntil = waitUntilOf(c);
  const { id, name } = await gateway.directory.model(ref.model, principal, waitUntil);
  const versions =
    ref.version === undefined && ref.alias === undefined
      ? undefined
      : await gateway.directory.resolveAll(ref, principal, waitUntil);
  const counted = await gateway.metrics.list(id);
  if (!versions) return counted.map((counts) => toStatistics(name, counts));
  return versions.map(({ version }) => {
    const counts = counted.find((one) => one.version === version) ?? { version, counts: noCounts() };
    return toStatistics(name, counts);
  });
}

async function resolve(c: AppContext) {
  const gateway = c.get('gateway');
  return await gateway.directory.resolve(referenceOf(c), c.get('principal'), gateway.random(), waitUntilOf(c));
}

function toStatistics(name: string, { version, counts }: VersionCounts): VersionStatistics {
  const none = { count: 0, ns: 0 };
  return {
    name,
    version: String(version),
    last_inference: counts.lastAt,
    inference_count: counts.inferences,
    execution_count: counts.run.count,
    inference_stats: {
      success: nanoseconds(counts.success),
      fail: nanoseconds(counts.fail),
      // Where a run waited and how its tensors were moved is known where it ran.
      queue: none,
      compute_input: none,
      compute_infer: nanoseconds(counts.run),
      compute_output: none,
      cache_hit: nanoseconds(counts.hit),
      cache_miss: nanoseconds(counts.miss),
    },
    batch_stats: [],
  };
}

function nanoseconds({ count, ms }: Tally) {
  return { count, ns: Math.round(ms * 1e6) };
}
