import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { createApp } from '../app.ts';
import type { Gateway } from '../context.ts';
import type { Env } from '../env.ts';

const METHODS = ['get', 'head', 'put', 'post', 'delete', 'patch'];

const app = createApp(() => ({}) as Gateway);
const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} } as never;
const answer = await app.fetch(new Request('http://gateway/openapi.json'), {} as Env, context);
const document = await answer.json();

interface Operation {
  operationId: string;
  tags: string[];
  parameters?: { name: string }[];
  responses: Record<string, { headers?: Record<string, object> }>;
}
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) => (item[method] ? [{ path, method, ...item[method] }] : [])),
);

describe('the OpenAPI document', () => {
  it('is one of OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('has every route, and no other', () => {
    const routes = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !path.includes('*'))
      .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:([^/]+)/g, '{$1}')}`);
    // Hono answers HEAD wherever there is a GET; it is documented where it is of use.
    const described = operations.map(({ method, path }) => `${method} ${path}`).filter((it) => !it.startsWith('head'));
    expect(described.sort()).toEqual([...new Set(routes)].sort());
  });

  it('names every operation once, under tags it explains', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }: { name: string }) => name);
    expect([...new Set(operations.flatMap((operation) => operation.tags))].sort()).toEqual(tags.sort());
  });

  it('tells that a call with an Idempotency-Key may be answered with what was answered before', () => {
    const replayed = operations.filter(({ responses }) =>
      Object.values(responses).every(({ headers }) => headers?.['idempotency-replayed']),
    );
    const keyed = operations.filter(({ parameters }) => parameters?.some(({ name }) => name === 'idempotency-key'));
    expect(replayed.map(({ operationId }) => operationId)).toEqual(keyed.map(({ operationId }) => operationId));
    expect(keyed.length).toBeGreaterThan(5);
  });

  it('names its schemas', () => {
    const names = Object.keys(document.components.schemas);
    expect(names).toEqual(expect.arrayContaining(['Model', 'Version', 'Alias', 'Upload', 'Problem', 'CreateKeyInput']));
  });
});
