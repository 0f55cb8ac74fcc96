/** What a path means. Pure. */
import { TRIAL_PATH } from '@lepton-edge/protocol';

export type Route =
  | { kind: 'server' }
  | { kind: 'live' }
  | { kind: 'ready' }
  | { kind: 'challenge' }
  | { kind: 'trial' }
  | { kind: 'metadata'; model: string; version: number }
  | { kind: 'model-ready'; model: string; version: number }
  | { kind: 'infer'; model: string; version: number };

export interface Matched {
  route: Route;
  method: 'GET' | 'POST';
}

const FIXED = new Map<string, Matched>([
  ['/v2', { route: { kind: 'server' }, method: 'GET' }],
  ['/v2/health/live', { route: { kind: 'live' }, method: 'GET' }],
  ['/v2/health/ready', { route: { kind: 'ready' }, method: 'GET' }],
  ['/.well-known/lepton-node', { route: { kind: 'challenge' }, method: 'POST' }],
  [TRIAL_PATH, { route: { kind: 'trial' }, method: 'POST' }],
]);

const MODEL = /^\/v2\/models\/([^/]+)\/versions\/([1-9][0-9]{0,8})(?:\/(ready|infer))?$/;

/** @param path without its query; undefined: there is nothing at it */
export function matchRoute(path: string): Matched | undefined {
  const fixed = FIXED.get(path);
  if (fixed) return fixed;
  const match = MODEL.exec(path);
  const model = match?.[1] === undefined ? undefined : decoded(match[1]);
  if (!match || model === undefined) return undefined;
  const version = Number(match[2]);
  if (match[3] === 'infer') return { route: { kind: 'infer', model, version }, method: 'POST' };
  return { route: { kind: match[3] === 'ready' ? 'model-ready' : 'metadata', model, version }, method: 'GET' };
}

/** Whether calls to this path must come from the gateway. */
export function isProtected(path: string): boolean {
  return path === TRIAL_PATH || path === '/v2/models' || path.startsWith('/v2/models/');
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A broken escape names nothing.
    return undefined;
  }
}
