/** Models, and what other teams may do with them. */
import type {
  Access,
  CreateModelInput,
  Grant,
  Model,
  ModelMetadata,
  Page,
  PatchModelInput,
} from '@lepton-edge/protocol';
import { allPages, type PageOptions } from './pages.ts';
import { type PostOptions, query, type RequestOptions, seg, type Transport } from './transport.ts';

export function modelCalls(http: Transport) {
  const path = (name: string) => `/api/models/${seg(name)}`;
  const list = ({ limit, cursor, ...options }: PageOptions = {}) =>
    http.json<Page<Model>>(`/api/models${query({ limit, cursor })}`, options);
  return {
    list,
    all: (options: PageOptions = {}) => allPages((page) => list({ ...options, ...page }), options.cursor),
    get: (name: string, options: RequestOptions = {}) => http.json<Model>(path(name), options),
    create: (input: CreateModelInput, options: PostOptions = {}) =>
      http.json<Model>('/api/models', { ...options, method: 'POST', json: input }),
    patch: (name: string, input: PatchModelInput, options: RequestOptions = {}) =>
      http.json<Model>(path(name), { ...options, method: 'PATCH', json: input }),
    /** Refused with `model_in_use` while aliases or other teams refer to it, unless `force`. */
    delete: async (name: string, { force, ...options }: RequestOptions & { force?: boolean } = {}): Promise<void> => {
      await http.send(`${path(name)}${query({ force: force || undefined })}`, { ...options, method: 'DELETE' });
    },
    /** Names, datatypes and shapes as the Open Inference Protocol tells them. */
    metadata: (ref: string, options: RequestOptions = {}) =>
      http.json<ModelMetadata>(`/v2/models/${seg(ref)}`, options),
  };
}

export function grantCalls(http: Transport) {
  const path = (model: string) => `/api/models/${seg(model)}/grants`;
  const list = (model: string, { limit, cursor, ...options }: PageOptions = {}) =>
    http.json<Page<Grant>>(`${path(model)}${query({ limit, cursor })}`, options);
  return {
    list,
    all: (model: string, options: PageOptions = {}) =>
      allPages((page) => list(model, { ...options, ...page }), options.cursor),
    /** Gives a team (its id or name) access, or changes what it has. */
    put: (model: string, team: string, access: Access, options: RequestOptions = {}) =>
      http.json<Grant>(`${path(model)}/${seg(team)}`, { ...options, method: 'PUT', json: { access } }),
    delete: async (model: string, team: string, options: RequestOptions = {}): Promise<void> => {
      await http.send(`${path(model)}/${seg(team)}`, { ...options, method: 'DELETE' });
    },
  };
}
