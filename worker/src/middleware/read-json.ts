/** Reads the JSON body of a control-plane call within a bound, before anything parses it. */
import type { MiddlewareHandler } from 'hono';
import type { AppContext, AppEnv } from '../http/app-env.ts';
import { readBody } from '../http/body.ts';

const MAX_JSON_BYTES = 1024 * 1024;

export interface ReadJsonOptions {
  maxBytes?: number;
  /** Which calls have such a body; all by default. */
  applies?: (c: AppContext) => boolean;
}

/** Stands behind `authenticate`: what a stranger sends is not read. @throws LeptonError `body_too_large` */
export const readJson = ({
  maxBytes = MAX_JSON_BYTES,
  applies = () => true,
}: ReadJsonOptions = {}): MiddlewareHandler<AppEnv> =>
  async function readJson(c, next) {
    if (applies(c)) {
      const { raw } = c.req;
      const bytes = await readBody(raw, maxBytes);
      c.set('body', bytes);
      if (raw.body) c.req.raw = new Request(raw, { body: bytes });
    }
    await next();
  };
