/** What describes the gateway: `/openapi.json`, `/docs`, and the keys it signs with. */
import { LeptonError } from '@lepton-edge/protocol';
import { Hono } from 'hono';
import type { AppContext, AppEnv } from '../http/app-env.ts';

export const documentRoutes = new Hono<AppEnv>();

documentRoutes.get('/.well-known/jwks.json', (c) => {
  c.header('cache-control', 'public, max-age=60');
  return c.json(c.get('gateway').signer.publicKeys());
});
documentRoutes.get('/docs', (c) => asset(c, '/docs/'));
documentRoutes.get('/docs/*', (c) => asset(c, new URL(c.req.url).pathname));

async function asset(c: AppContext, path: string): Promise<Response> {
  const response = await c
    .get('gateway')
    .assets.fetch(new Request(new URL(path, c.req.url), { headers: c.req.raw.headers }));
  // Where no such asset is, the console's page comes instead.
  const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
  if (isPage && path !== '/docs/')
    throw new LeptonError('path_not_found', `nothing is at ${path}: the API reference is at /docs`);
  return response;
}
