/** What `/openapi.json` says of Triton's extensions. */
import { ModelConfig, ModelStatistics, RepositoryIndex, RepositoryIndexRequest } from '@lepton-edge/protocol';
import { json, jsonBody, KEY } from '../http/openapi.ts';
import { failures, PLACES, type Route } from './plain-document.ts';

export function documentRepository(add: (route: Route) => void): void {
  add({
    method: 'post',
    path: '/v2/repository/index',
    operationId: 'indexRepository',
    summary: 'List the versions this key may call, with their states',
    description: 'At most 10,000, by name and number; archived ones are left out.',
    tags: ['Inference'],
    security: KEY,
    request: { body: { ...jsonBody(RepositoryIndexRequest), required: false } },
    responses: { 200: json(RepositoryIndex, 'The versions.'), ...failures(400, 401, 403, 413, 500, 503) },
  });
  for (const { path, params, of } of PLACES) {
    const common = { method: 'get' as const, tags: ['Inference'], security: KEY, request: { params } };
    const refusals = failures(400, 401, 403, 404, 500, 503);
    add({
      ...common,
      path: `/v2/models/{ref}${path}/config`,
      operationId: `get${of || 'Model'}Config`,
      summary: 'Read a model as Triton would configure it',
      responses: { 200: json(ModelConfig, 'The configuration.'), ...refusals },
    });
    add({
      ...common,
      path: `/v2/models/{ref}${path}/stats`,
      operationId: `get${of || 'Model'}Statistics`,
      summary: 'Read how often a model was asked and how long that took',
      description: 'Summed over the whole gateway, about a second late; a name alone gives all versions.',
      responses: { 200: json(ModelStatistics, 'The statistics.'), ...refusals },
    });
  }
}
