import { describe, expect, inject, it } from 'vitest';
import { call, freshName, newTeamKey } from './support/api.ts';
import { Documented, type Operation } from './support/documented.ts';
import { EXAMPLES, type ExampleCall } from './support/examples-of-calls.ts';
import { drainingReport, joinByHand } from './support/hand-made-node.ts';

const MIB = 1024 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };

/** Well-formed names of what is not there. */
const UNKNOWN: Record<string, string> = {
  model: 'nobody-has-this',
  ref: 'nobody-has-this',
  version: '999999',
  alias: 'nobody-has-this',
  team: 'nobody-has-this',
  id: 'nobody_has_this',
  digest: `sha256:${'0'.repeat(64)}`,
  part: '1',
};
const MALFORMED: Record<string, string> = { model: 'Not%20a%20name', id: 'x'.repeat(65), digest: 'md5:0' };

const documented = await Documented.of(inject('gatewayUrl'));

function pathOf({ path }: Operation, params: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_all, name: string) => params[name] ?? `no-${name}`);
}

/** Calls it, and expects the answer to be as documented. */
/** Called by a node, for itself. */
const BY_NODES = new Set(['reportNode', 'issueNodeCredential']);

async function send(operation: Operation, { params, query, ...options }: ExampleCall) {
  const answer = await call(operation.method.toUpperCase(), `${pathOf(operation, params)}${query ?? ''}`, options);
  expect(documented.problemsOf(operation, answer)).toEqual([]);
  return answer;
}

describe.each(documented.operations.map((operation) => [operation.operationId, operation] as const))(
  '%s answers as documented',
  (id, operation) => {
    const { path, security, responses, requestBody, parameters = [] } = operation;
    const isJson = requestBody?.content?.['application/json'] !== undefined;
    const isControl = path.startsWith('/api/');
    const names = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
    const example = async () => {
      const make = EXAMPLES[id];
      if (!make) throw new Error(`no example of a call of ${id}`);
      return await make();
    };

    it('when it succeeds', async () => {
      const { status } = await send(operation, await example());
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(300);
    });

    if (security)
      it('without a key, and with a weak one', async () => {
        expect(await send(operation, { key: null, params: UNKNOWN })).toMatchObject({ status: 401 });
        const weak = await newTeamKey(isControl ? 'infer' : 'ops');
        expect(await send(operation, { key: weak.secret, params: UNKNOWN })).toMatchObject({ status: 403 });
      });

    if (responses['404'] && names.length > 0)
      it('for what is not there', async () => {
        const { params: _params, ...there } = await example();
        const key = isControl && !BY_NODES.has(id) ? {} : { key: there.key ?? inject('adminKey') };
        const { key: _key, ...rest } = there;
        expect(await send(operation, { ...rest, ...key, params: UNKNOWN })).toMatchObject({ status: 404 });
      });

    if (responses['400'])
      it('for what is malformed', async () => {
        const there = await example();
        if (isJson) {
          const answer = await send(operation, { ...there, body: '{"a":', headers: JSON_TYPE });
          expect(answer).toMatchObject({ status: 400 });
        }
        const name = names.find((name) => MALFORMED[name]);
        if (isControl && name) {
          const params = { ...there.params, [name]: MALFORMED[name] ?? '' };
          expect(await send(operation, { ...there, params })).toMatchObject({ status: 400 });
        }
        if (parameters.some((parameter) => parameter.name === 'limit')) {
          expect(await send(operation, { ...there, query: '?limit=0' })).toMatchObject({ status: 400 });
        }
        if (parameters.some((parameter) => parameter.name === 'idempotency-key')) {
          const headers = { 'idempotency-key': 'x'.repeat(256) };
          expect(await send(operation, { ...there, headers })).toMatchObject({ status: 400 });
        }
      });

    if (responses['413'] && isJson)
      it('for a body that is too large', async () => {
        const there = await example();
        const body = new Uint8Array((isControl ? (id === 'createVersion' ? 8 : 1) : 16) * MIB + 1).fill(0x20);
        expect(await send(operation, { ...there, body, headers: JSON_TYPE })).toMatchObject({ status: 413 });
      });

    if (responses['304'])
      it('for what the caller has', async () => {
        const there = await example();
        // Another test may change what is listed between the two calls.
        await expect
          .poll(async () => {
            const headers = { 'if-none-match': (await send(operation, there)).headers.get('etag') ?? '' };
            return (await send(operation, { ...there, headers })).status;
          })
          .toBe(304);
      });
  },
);

describe('a node that was removed', () => {
  it('is not listed again by a heartbeat', async () => {
    const { id, credential, url } = await joinByHand(freshName('node'));
    const beat = async () =>
      await call('POST', `/api/nodes/${id}/heartbeat`, { key: credential, body: drainingReport(url) });
    expect(await beat()).toMatchObject({ status: 200 });
    const [removed] = await Promise.all([call('DELETE', `/api/nodes/${id}`), beat(), beat(), beat()]);
    expect(removed.status).toBe(204);
    expect((await beat()).status).toBeGreaterThanOrEqual(401);
    const { items } = (await call('GET', '/api/nodes?limit=1000')).body as { items: { id: string }[] };
    expect(items.map((node) => node.id)).not.toContain(id);
  });
});
