/** Makes an isolate's gateway from its bindings. */
import { LeptonError } from '@lepton-edge/protocol';
import { ResponseCache } from './cache/response-cache.ts';
import { SingleFlight } from './cache/single-flight.ts';
import type { Gateway } from './context.ts';
import { openDatabase } from './db/database.ts';
import { EdgeRuntime } from './edge/edge-runtime.ts';
import { type Env, readSettings } from './env.ts';
import { createFleet } from './hubs/fleet.ts';
import type { RunOutcome } from './infer/run.ts';
import { createSigner } from './infer/signer.ts';
import { Directory } from './services/directory.ts';
import { LastUse } from './services/keys/last-use.ts';

export function createGateway(env: Env): Gateway {
  const now = () => Date.now();
  const settings = readSettings(env);
  const db = openDatabase(env.DB);
  return {
    settings,
    db,
    blobs: env.BLOBS,
    assets: env.ASSETS,
    fleet: createFleet(env.FLEET, now),
    edge: new EdgeRuntime(),
    directory: new Directory(db, now),
    lastUse: new LastUse(db, now),
    audit: { seal: () => Promise.reject(new LeptonError('unavailable', 'the audit log is not sealed here')) },
    responses: new ResponseCache(now),
    runs: new SingleFlight<RunOutcome>(),
    signer: createSigner(settings.signingKeys, now),
    now,
    random: Math.random,
    fetch: (...args) => fetch(...args),
    bodies: { heldBytes: 0 },
  };
}
