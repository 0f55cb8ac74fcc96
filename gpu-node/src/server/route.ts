/** What a path means. Pure. */
import { CHALLENGE_PATH, TRIAL_PATH } from '@lepton-edge/protocol';

/** A model as a path names it, decoded but not judged: `name` or `name@3`, and what stands behind `/versions/`. */
export interface NamedInPath {
  reference: string;
  version: string | undefined;
}

export type Route =
  | { kind: 'server' }
  | { kind: 'live' }
  | { kind: 'ready' }
  | { kind: 'challenge' }
  | { kind: 'trial' }
  | { kind: 'all-stats' }
  | { kind: 'index' }
  | { kind: 'load' | 'unload'; model: string }
  | { kind: 'shared-memory' }
  | { kind: 'openai-models' }
  | { kind: 'openai-model'; id: string }
  | { kind: 'embeddings' }
  | { kind: ModelRoute; named: NamedInPath };

export type ModelRoute = 'metadata' | 'model-ready' | 'infer' | 'config' | 'stats';

export interface Matched {
  route: Route;
  /** Absent where every method means the same. */
  method?: 'GET' | 'POST';
}

const FIXED = new Map<string, Matched>([
  ['/v2', { route: { kind: 'server' }, method: 'GET' }],
  ['/v2/health/live', { route: { kind: 'live' }, method: 'GET' }],
  ['/v2/health/ready', { route: { kind: 'ready' }, method: 'GET' }],
  ['/v2/models/stats', { route: { kind: 'all-stats' }, method: 'GET' }],
  ['/v1/models', { route: { kind: 'openai-models' }, method: 'GET' }],
  ['/v1/embeddings', { route: { kind: 'embeddings' }, method: 'POST' }],
  ['/v2/repository/index', { route: { kind: 'index' }, method: 'POST' }],
  [CHALLENGE_PATH, { route: { kind: 'challenge' }, method: 'POST' }],
  [TRIAL_PATH, { route: { kind: 'trial' }, method: 'POST' }],
]);

const MODEL = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer|config|stats))?$/;
const OPENAI_MODEL = /^\/v1\/models\/([^/]+)$/;
const CONTROL = /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/;
const SHARED_MEMORY = /^\/v2\/(?:system|cuda)sharedmemory(?:\/|$)/;

const KIND: Record<string, ModelRoute> = { ready: 'model-ready', infer: 'infer', config: 'config', stats: 'stats' };

/** @param path without its query; undefined: there is nothing at it */
export function matchRoute(path: string): Matched | undefined {
  const fixed = FIXED.get(path);
  if (fixed) return fixed;
  if (SHARED_MEMORY.test(path)) return { route: { kind: 'shared-memory' } };
  const control = CONTROL.exec(path);
  if (control) return controlRoute(control);
  const id = decoded(OPENAI_MODEL.exec(path)?.[1]);
  if (id !== undefined) return { route: { kind: 'openai-model', id }, method: 'GET' };
  const match = MODEL.exec(path);
  const reference = decoded(match?.[1]);
  const version = decoded(match?.[2]);
  if (!match || reference === undefined || (match[2] !== undefined && version === undefined)) return undefined;
  const kind = KIND[match[3] ?? ''] ?? 'metadata';
  return { route: { kind, named: { reference, version } }, method: kind === 'infer' ? 'POST' : 'GET' };
}

function controlRoute([, segment, verb]: RegExpExecArray): Matched | undefined {
  const model = decoded(segment);
  if (model === undefined) return undefined;
  return { route: { kind: verb === 'load' ? 'load' : 'unload', model }, method: 'POST' };
}

/** Whether a path answers everybody: what asks after health, and what proves an address to a gateway. */
export function isOpen(path: string): boolean {
  return path.startsWith('/v2/health/') || path === CHALLENGE_PATH;
}

/** Whose form an error on this path has. */
export type Family = 'openai' | 'oip';

export function familyOf(path: string): Family {
  return /^\/v1(?:\/|$)/.test(path) ? 'openai' : 'oip';
}

function decoded(segment: string | undefined): string | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment);
  } catch {
    // A broken escape names nothing.
    return undefined;
  }
}
