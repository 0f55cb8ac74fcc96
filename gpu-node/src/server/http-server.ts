/** The node's HTTP side on plain `node:http`: a framework would cost as much as a small model's run. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { LeptonError, MODEL_HEADER, REQUEST_ID_HEADER, type Reference } from '@lepton-edge/protocol';
import { Caller, CallerGone } from '../core/claim.ts';
import type { Pins } from '../models/pins.ts';
import type { Trials } from '../trial/trials.ts';
import { answerChallenge, type Prove } from './challenge.ts';
import { control, repositoryIndex, sharedMemoryRefused } from './control.ts';
import {
  allStatistics,
  configuration,
  modelMetadata,
  modelReady,
  modelStatistics,
  serverMetadata,
} from './describe.ts';
import type { Exchange } from './exchange.ts';
import { infer } from './infer.ts';
import { embeddings, modelList, type OpenAiParts, oneModel } from './openai.ts';
import { referenceOf } from './reference.ts';
import { errorReply, json, MethodNotAllowed, type Reply, send } from './reply.ts';
import type { LogRequest } from './request-log.ts';
import { familyOf, isOpen, type ModelRoute, matchRoute, type Route } from './route.ts';
import { watchSilent } from './silent-connections.ts';
import { targetOf } from './target.ts';
import { answerTrial } from './trial.ts';
import type { Verify } from './verify-key.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than a gateway keeps an idle connection, so that it is the one to close. */
const KEEP_ALIVE_MS = 75_000;
const MAX_DRAINED_BYTES = 64 * 1024 * 1024;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

export interface ServerParts extends OpenAiParts {
  /** Lets in, saying whom, or throws. */
  verify: Verify;
  /** What only a gateway asks for. */
  fleet?: { trials: Trials; prove: Prove };
  pins: Pick<Pins, 'report'>;
  /** Of the protocol, that this node speaks. */
  extensions: string[];
  /** Why no inference would work now; undefined when it would. */
  notReady(): string | undefined;
  /** Whether connections should end with their answers. */
  draining(): boolean;
  logRequest: LogRequest;
}

/** A server that is not listening yet. */
export function createHttpServer(parts: ServerParts): Server {
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  };
  const server = createServer(options, (request, response) => void handle(parts, request, response));
  watchSilent(server);
  return server;
}

async function handle(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = requestIdOf(request);
  const path = pathOf(request);
  const arrivedAt = performance.now();
  const caller = new Caller();
  response.once('close', () => {
    // An answer that went out whole closes, too.
    if (!response.writableFinished) caller.go();
  });
  const tell = (status: number | undefined, model?: string, error?: unknown) =>
    parts.logRequest({ request, requestId, path, startedAt: arrivedAt, status, model, error });
  let reply: Reply;
  let failure: unknown;
  try {
    reply = await answer(parts, path, { request, arrivedAt, caller });
  } catch (error) {
    failure = error;
    if (error instanceof CallerGone) {
      tell(undefined, undefined, error);
      response.destroy();
      return;
    }
    reply = errorReply(error, familyOf(path));
  }
  const headers = { ...reply.headers, [REQUEST_ID_HEADER]: requestId };
  const isLast = parts.draining() || (reply.status === 413 && !isDrainable(request));
  // Of what was refused in the middle, too, the rest is read.
  if (failure && !isLast) request.resume();
  send(response, { ...reply, headers: isLast ? { ...headers, connection: 'close' } : headers });
  tell(reply.status, reply.headers[MODEL_HEADER], failure);
}

async function answer(parts: ServerParts, path: string, came: Omit<Exchange, 'tenant'>): Promise<Reply> {
  const { request } = came;
  const tenant = isOpen(path) ? '' : await parts.verify(request.headers);
  const matched = matchRoute(path);
  if (!matched) throw nothingAt(path);
  if (matched.method && request.method !== matched.method)
    throw new MethodNotAllowed(request.method ?? '', matched.method);
  return await dispatch(parts, matched.route, { ...came, tenant });
}

async function dispatch(parts: ServerParts, route: Route, exchange: Exchange): Promise<Reply> {
  const { core, catalogue, fleet } = parts;
  const { request } = exchange;
  switch (route.kind) {
    case 'server':
      return serverMetadata(parts.extensions);
    case 'live':
      return json(200, { live: true });
    case 'ready':
      return readiness(parts.notReady());
    case 'challenge':
      if (!fleet) throw nothingAt(pathOf(request));
      return await answerChallenge(request, fleet.prove);
    case 'trial':
      if (!fleet) throw nothingAt(pathOf(request));
      return await answerTrial(request, fleet.trials);
    case 'all-stats':
      return allStatistics(catalogue, core.statistics);
    case 'index':
      return await repositoryIndex(request, catalogue, parts.pins.report());
    case 'load':
    case 'unload':
      return await control(request, catalogue, route.kind, route.model);
    case 'openai-models':
      return modelList(parts);
    case 'openai-model':
      return oneModel(parts, route.id);
    case 'embeddings':
      return await embeddings(parts, exchange);
    case 'shared-memory':
      throw sharedMemoryRefused();
    default:
      return await ofModel(parts, route.kind, referenceOf(route.named), exchange);
  }
}

async function ofModel(parts: ServerParts, kind: ModelRoute, reference: Reference, exchange: Exchange): Promise<Reply> {
  const { catalogue, core } = parts;
  switch (kind) {
    case 'metadata':
      return await modelMetadata(catalogue, reference);
    case 'model-ready':
      return modelReady(catalogue, reference);
    case 'config':
      return await configuration(catalogue, reference);
    case 'stats':
      return modelStatistics(catalogue, core.statistics, reference);
    case 'infer':
      return await infer(core, await targetOf(parts, reference, exchange.request.headers), exchange);
  }
}

function nothingAt(path: string): LeptonError {
  return new LeptonError('path_not_found', `there is nothing at ${JSON.stringify(path)} on this gpu-node`);
}

function readiness(reason: string | undefined): Reply {
  if (reason === undefined) return json(200, { ready: true });
  return json(503, { ready: false, error: reason, code: 'unavailable' });
}

/** Whether to read to the end what was refused, so that a caller who is still sending gets to see the answer. */
function isDrainable(request: IncomingMessage): boolean {
  return Number(request.headers['content-length']) <= MAX_DRAINED_BYTES;
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** The caller's own id goes on, so that its log and ours can be read together. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
