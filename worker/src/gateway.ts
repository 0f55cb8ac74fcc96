/** An isolate's gateway, made from its bindings. */
import { Repeats } from './cache/repeats.ts';
import { ResponseCache } from './cache/response-cache.ts';
import { SingleFlight } from './cache/single-flight.ts';
import type { Gateway } from './context.ts';
import { openDatabase } from './db/database.ts';
import { EdgeRuntime } from './edge/edge-runtime.ts';
import { type Env, readSettings } from './env.ts';
import { Bodies } from './http/bodies.ts';
import { createFleet } from './hubs/fleet.ts';
import { createJanitors } from './hubs/janitors.ts';
import { createMetrics } from './hubs/metrics.ts';
import type { RunOutcome } from './infer/run.ts';
import { createSigner } from './infer/signer.ts';
import { Tokenizers } from './infer/tokenizers.ts';
import { Directory } from './services/directory.ts';
import { LastUse } from './services/keys/last-use.ts';

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
  const responses = new ResponseCache(now);
  return {
    settings,
    db,
    blobs: env.BLOBS,
    assets: env.ASSETS,
    fleet: createFleet(env.FLEET, now),
    janitors: createJanitors(env.JANITOR),
    metrics: createMetrics(env.METRICS, now),
    edge: new EdgeRuntime(now),
    trial: env.TRIAL,
    directory: new Directory(db, now),
    lastUse: new LastUse(db, now),
    responses,
    repeats: new Repeats(responses),
    tokenizers: new Tokenizers(env.BLOBS),
    runs: new SingleFlight<RunOutcome>(),
    signer: createSigner(settings.signingKeys, now),
    now,
    random: Math.random,
    fetch: env.NETWORK ? env.NETWORK.fetch.bind(env.NETWORK) : (...args) => fetch(...args),
    bodies: new Bodies(now),
  };
}
