/** The Worker's entry: wiring, and the Durable Objects it exports. */
import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { gatewayOf } from './gateway.ts';

export { FleetHub } from './hubs/fleet-hub.ts';
export { Janitor } from './hubs/janitor.ts';
export { MetricsHub } from './hubs/metrics-hub.ts';
export { QuotaLedger } from './hubs/quota-ledger.ts';

const app = createApp(gatewayOf);

let awake = false;

export default {
  fetch(request, env, ctx) {
    if (!awake) {
      // Whatever an earlier process was about to have done goes on with the first request to this one.
      awake = true;
      const gateway = gatewayOf(env);
      gateway.colo.useOrigin(new URL(request.url).origin);
      ctx.waitUntil(gateway.janitors.wakeAll());
    }
    return app.fetch(request, env, ctx);
  },
  scheduled(_event, env, ctx) {
    ctx.waitUntil(gatewayOf(env).janitors.wakeAll());
  },
} satisfies ExportedHandler<Env>;
