import fc from 'fast-check';
import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import { expect, it } from 'vitest';
import type { AppContext, AppEnv } from './app-env.ts';
import { chained } from './chained.ts';

const KINDS = [
  'passes',
  'answers afterwards',
  'throws a text',
  'surrounds',
  'answers',
  'throws',
  'throws at once',
  'throws afterwards',
  'tells',
  'changes',
] as const;
type Kind = (typeof KINDS)[number];

/** A middleware that does something, and notes when. */
function middlewareOf(kind: Kind, name: string, notes: string[]): MiddlewareHandler<AppEnv> {
  const note = (c: AppContext, when: string) => notes.push(`${when} ${name} ${c.finalized} ${c.error?.message}`);
  const surround = async (c: AppContext, next: () => Promise<void>) => {
    note(c, 'before');
    await next();
    note(c, 'after');
    if (kind === 'throws afterwards') throw new Error(name);
    if (kind === 'answers afterwards') return new Response(name, { status: 203 });
    if (kind === 'changes') c.res.headers.set(name, 'changed');
  };
  return (c, next) => {
    if (kind === 'throws at once') throw new Error(name);
    if (kind === 'throws a text') throw name;
    if (kind === 'throws') return Promise.reject(new Error(name));
    if (kind === 'answers') return Promise.resolve(new Response(name, { status: 202 }));
    if (kind === 'passes') return next();
    if (kind === 'tells') c.header(name, 'told');
    return surround(c, next);
  };
}

const onError = (c: AppContext, error: Error) => c.text(`refused: ${error.message}`, 500);

async function seen(app: Hono<AppEnv>, notes: string[]) {
  const answer = await Promise.resolve(app.request('/')).catch((error: unknown) => new Response(`failed: ${error}`));
  return { status: answer.status, headers: [...answer.headers], text: await answer.text(), notes };
}

it('does what Hono does with the same middleware', async () => {
  const chain = fc.array(fc.constantFrom(...KINDS), { maxLength: 6 });
  const end = fc.constantFrom('answers', 'answers later', 'throws');
  await fc.assert(
    fc.asyncProperty(chain, end, async (kinds, ending) => {
      const build = (notes: string[]) => ({
        middleware: kinds.map((kind, i) => middlewareOf(kind, `m${i}`, notes)),
        handler: ((c) => {
          notes.push('handler');
          if (ending === 'throws') throw new Error('handler');
          return ending === 'answers' ? c.text('done') : Promise.resolve(c.text('done'));
        }) as Handler<AppEnv>,
      });
      const [theirs, ours]: [string[], string[]] = [[], []];
      const a = build(theirs);
      const hono = new Hono<AppEnv>().onError((error, c) => onError(c, error));
      for (const middleware of a.middleware) hono.use(middleware);
      hono.get('/', a.handler);
      const b = build(ours);
      const one = new Hono<AppEnv>().get('/', chained(b.middleware, b.handler, onError));
      expect(await seen(one, ours)).toEqual(await seen(hono, theirs));
    }),
    { numRuns: 500 },
  );
});

it('fails where nobody answers, as Hono does', async () => {
  const silent: MiddlewareHandler<AppEnv> = async () => undefined;
  const handler: Handler<AppEnv> = (c) => c.text('never asked');
  const one = new Hono<AppEnv>().get('/', chained([silent], handler, onError));
  const hono = new Hono<AppEnv>()
    .onError((error, c) => onError(c, error))
    .use(silent)
    .get('/', handler);
  expect([(await one.request('/')).status, (await hono.request('/')).status]).toEqual([500, 500]);
});
