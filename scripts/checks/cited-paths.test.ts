import { describe, expect, it } from 'vitest';
import { citedPaths } from './cited-paths.ts';

const root = new Set(['worker', 'docs', '.ci']);
const pathsIn = (markdown: string) => citedPaths(markdown, root).map(({ path }) => path);

describe('citedPaths', () => {
  it.each(['worker/', 'worker/src/db', '.ci/run', 'gone/', 'gone/src/app.ts', 'README.md', 'wrangler.toml'])(
    'takes `%s` for a path',
    (path) => expect(pathsIn(`see \`${path}\`.`)).toEqual([path]),
  );

  it.each([
    'worker/**/*.ts',
    '<home>/admin.key',
    'services/<entity>/verb.ts',
    '/v2/health',
    'application/json',
    '@lepton-edge/client',
    'https://example.com/a.ts',
    'npm start',
    'auto',
    'openapi.json',
    'name@3',
  ])('leaves `%s` alone', (span) => expect(pathsIn(`see \`${span}\`.`)).toEqual([]));

  it('tells the line, and drops the line number of a citation', () => {
    expect(citedPaths('a\n`x` | `worker/a.ts:12`', root)).toEqual([{ path: 'worker/a.ts', line: 2 }]);
  });

  it('leaves fenced blocks and longer fences alone', () => {
    expect(pathsIn('```sh\ncat `worker/x.ts`\n```\n``worker/y.ts`` and `docs/z.md`')).toEqual(['docs/z.md']);
  });
});
