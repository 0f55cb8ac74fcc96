/** An isolate's gateway, made from its bindings. */
import { ColoCache } from './cache/colo-cache.ts';
import { Repeats } from './cache/repeats.ts';
import { ResponseCache } from './cache/response-cache.ts';
import { SharedResponses } from './cache/shared-responses.ts';
import { SingleFlight } from './cache/single-flight.ts';
import type { Gateway } from './context.ts';
import { openDatabase } from './db/database.ts';
import { EdgeRuntime } from './edge/edge-runtime.ts';
import { type Env, readSettings } from './env.ts';
import { Bodies } from './http/bodies.ts';
import { createFleet } from './hubs/fleet.ts';
import { createJanitors } from './hubs/janitors.ts';
import { createMetrics } from './hubs/metrics.ts';
import { createQuotas } from './hubs/quotas.ts';
import { isCallersFault } from './infer/cacheable.ts';
import type { Embedded } from './infer/embed-work.ts';
import type { RunOutcome } from './infer/run.ts';
import { createSigner } from './infer/signer.ts';
import { Tokenizers } from './infer/tokenizers.ts';
import { log } from './log.ts';
import { Directory } from './services/directory.ts';
import { LastUse } from './services/keys/last-use.ts';
import { createExporter } from './telemetry/create-exporter.ts';

/** Whoever waits for a run of another's goes on alone after so long. */
const RUN_WAIT_MS = 10_000;

let gateway: Gateway | undefined;

/** The gateway of this isolate. */
export function gatewayOf(env: Env): Gateway {
  gateway ??= createGateway(env);
  return gateway;
}

function createGateway(env: Env): Gateway {
  const now = () => Date.now();
  const settings = readSettings(env);
  const db = openDatabase(env.DB);
  const colo = new ColoCache({
    open: () => caches.open('lepton-edge'),
    secret: settings.coloCache ? settings.signingKeys[0]?.d : undefined,
    warn,
  });
  if (settings.publicUrl) colo.useOrigin(new URL(settings.publicUrl).origin);
  const responses = new ResponseCache();
  return {
    settings,
    db,
    blobs: env.BLOBS,
    assets: env.ASSETS,
    fleet: createFleet(env.FLEET, now),
    janitors: createJanitors(env.JANITOR),
    metrics: createMetrics(env.METRICS, now),
    quotas: createQuotas(env.QUOTAS, settings.quotaLedgerAway, now),
    edge: new EdgeRuntime(now),
    trial: env.TRIAL,
    directory: new Directory(db, now, colo),
    lastUse: new LastUse(db, now),
    colo,
    responses,
    repeats: new Repeats(responses),
    sharedResponses: new SharedResponses(colo, responses),
    tokenizers: new Tokenizers(env.BLOBS),
    runs: new SingleFlight<RunOutcome>(RUN_WAIT_MS, isCallersFault),
    embeds: new SingleFlight<Embedded>(),
    signer: createSigner(settings.signingKeys, now),
    now,
    random: Math.random,
    fetch: env.NETWORK ? env.NETWORK.fetch.bind(env.NETWORK) : (...args) => fetch(...args),
    bodies: new Bodies(now),
    spans: settings.otlp && createExporter(settings.otlp, { now, log }),
  };
}

function warn(message: string, cause: unknown): void {
  const error = cause instanceof Error ? `${cause.name}: ${cause.message}` : undefined;
  log({ level: 'warn', message, error });
}
