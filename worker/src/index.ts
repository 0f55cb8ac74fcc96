/** The Worker's entry: wiring, and the Durable Objects it exports. */
import { createApp } from './app.ts';
import type { Gateway } from './context.ts';
import type { Env } from './env.ts';
import { createGateway } from './gateway.ts';

export { FleetHub } from './hubs/fleet-hub.ts';

let gateway: Gateway | undefined;

const app = createApp((env) => {
  gateway ??= createGateway(env);
  return gateway;
});

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;
