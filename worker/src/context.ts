/** What the parts of the Worker are given: the gateway of this isolate, and the call they serve. */
import type { Scope } from '@lepton-edge/protocol';
import type { ColoCache } from './cache/colo-cache.ts';
import type { Repeats } from './cache/repeats.ts';
import type { ResponseCache } from './cache/response-cache.ts';
import type { SharedResponses } from './cache/shared-responses.ts';
import type { SingleFlight, WaitUntil } from './cache/single-flight.ts';
import type { Database } from './db/database.ts';
import type { EdgeRuntime } from './edge/edge-runtime.ts';
import type { Settings } from './env.ts';
import type { Bodies } from './http/bodies.ts';
import type { Fleet } from './hubs/fleet.ts';
import type { Janitors } from './hubs/janitors.ts';
import type { Metrics } from './hubs/metrics.ts';
import type { Quotas } from './hubs/quotas.ts';
import type { Embedded } from './infer/embed-work.ts';
import type { RunOutcome } from './infer/run.ts';
import type { Signer } from './infer/signer.ts';
import type { Tokenizers } from './infer/tokenizers.ts';
import type { Limits } from './quotas/terms.ts';
import type { TrialService } from './services/admission/edge-trial.ts';
import type { Directory } from './services/directory.ts';
import type { LastUse } from './services/keys/last-use.ts';
import type { SpanExporter } from './telemetry/span-exporter.ts';

/** Who calls: a key, the team it acts in, and what it may do. */
export interface Principal {
  keyId: string;
  teamId: string;
  scopes: ReadonlySet<Scope>;
  /** Set for the credential of a node. */
  nodeId: string | undefined;
  expiresAt: number | undefined;
  /** Undefined: nothing is limited. */
  quota?: Limits | undefined;
}

/** Made once in an isolate from its bindings. Interfaces where the outside begins. */
export interface Gateway {
  settings: Settings;
  db: Database;
  blobs: R2Bucket;
  assets: Fetcher;
  fleet: Fleet;
  janitors: Janitors;
  metrics: Metrics;
  quotas: Quotas;
  edge: EdgeRuntime;
  /** Another Worker, where models are tried before they serve. */
  trial: TrialService;
  directory: Directory;
  lastUse: LastUse;
  colo: ColoCache;
  responses: ResponseCache;
  repeats: Repeats;
  sharedResponses: SharedResponses;
  tokenizers: Tokenizers;
  /** Identical runs under way, and identical texts being embedded. */
  runs: SingleFlight<RunOutcome>;
  embeds: SingleFlight<Embedded>;
  signer: Signer;
  now: () => number;
  random: () => number;
  fetch: typeof fetch;
  bodies: Bodies;
  /** Undefined: none are sent. */
  spans: SpanExporter | undefined;
}

/** What a node was sent and so may read: one version's manifest and files. */
export interface Grant {
  model: string;
  version: number;
  digest: string;
}

/** One call of the control plane: what a service works with. */
export interface ServiceContext {
  gateway: Gateway;
  principal: Principal;
  /** The address the request came to: `https://host`. */
  origin: string;
  waitUntil: WaitUntil;
}
