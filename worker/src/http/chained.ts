/** Middleware and a handler as one function. */
import type { Handler, MiddlewareHandler } from 'hono';
import type { AppContext, AppEnv } from './app-env.ts';

type Step = (c: AppContext) => Promise<void>;

/**
 * They are called as Hono calls them: each in turn, and what one throws is answered before the one around it goes on. Hono makes
 * two promises for each; here a middleware that returns what `next` returned takes none.
 */
export function chained(
  middleware: readonly MiddlewareHandler<AppEnv>[],
  handler: Handler<AppEnv>,
  onError: (c: AppContext, error: Error) => Response,
): (c: AppContext) => Promise<Response> {
  const fail = async (c: AppContext, error: unknown) => {
    if (!(error instanceof Error)) throw error;
    c.error = error;
    c.res = onError(c, error);
  };

  const around = (outer: MiddlewareHandler<AppEnv>, inner: Step): Step => {
    const settled = async (c: AppContext, answer: Promise<unknown>) => {
      try {
        keep(c, await answer);
      } catch (error) {
        await fail(c, error);
      }
    };
    return (c) => {
      let passed: Promise<void> | undefined;
      const next = () => {
        passed = inner(c);
        return passed;
      };
      try {
        const answer = outer(c, next);
        return passed === answer ? passed : settled(c, answer);
      } catch (error) {
        return fail(c, error);
      }
    };
  };

  const last: Step = async (c) => {
    try {
      keep(c, await handler(c, nothingFollows));
    } catch (error) {
      await fail(c, error);
    }
  };

  const all = middleware.reduceRight<Step>((inner, outer) => around(outer, inner), last);
  return async (c) => {
    await all(c);
    if (!c.finalized) await fail(c, new Error('no middleware and no handler answered'));
    return c.res;
  };
}

function keep(c: AppContext, answer: unknown): void {
  if (answer instanceof Response && !c.finalized) c.res = answer;
}

async function nothingFollows(): Promise<void> {}
