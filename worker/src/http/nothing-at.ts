/** What is wrong with a request for a path that no route has, or not with this method. */
import { LeptonError } from '@lepton-edge/protocol';
import type { AppContext } from './app-env.ts';

interface Route {
  method: string;
  path: string;
}

/** @param routes all that there are: who comes with another method is told which ones a path has */
export function nothingAt(routes: readonly Route[]): (c: AppContext) => LeptonError {
  const methodsAt = methodTable(routes);
  return (c) => {
    const { pathname } = new URL(c.req.url);
    const methods = methodsAt(pathname);
    if (methods.length === 0) return new LeptonError('path_not_found', `nothing is at ${pathname}`);
    c.header('allow', methods.join(', '));
    const expected = `expected ${methods.join(' or ')}`;
    return new LeptonError('method_not_allowed', `${pathname}: ${expected}, got ${c.req.method}`);
  };
}

function methodTable(routes: readonly Route[]): (path: string) => string[] {
  const table = routes
    .filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
    .map(({ method, path }) => ({
      method,
      pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:[^/]+/g, '[^/]+')}$`),
    }));
  return (path) => {
    const methods = new Set(table.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  };
}
