/** Aliases: the movable pointers of a model, and their history. */
import type {
  Alias,
  AliasRevision,
  Page,
  PatchAliasInput,
  PutAliasInput,
  RollbackAliasInput,
} from '@lepton-edge/protocol';
import { allPages, type PageOptions } from './pages.ts';
import { type PostOptions, query, type RequestOptions, seg, type Transport } from './transport.ts';

export interface HistoryOptions extends PageOptions {
  /** From this time on, ISO 8601. */
  since?: string | undefined;
  /** Before this time, ISO 8601. */
  until?: string | undefined;
  /** The id of the key that moved it. */
  actor?: string | undefined;
}

export function aliasCalls(http: Transport) {
  const folder = (model: string) => `/api/models/${seg(model)}/aliases`;
  const path = (model: string, alias: string) => `${folder(model)}/${seg(alias)}`;
  const list = (model: string, { limit, cursor, ...options }: PageOptions = {}) =>
    http.json<Page<Alias>>(`${folder(model)}${query({ limit, cursor })}`, options);
  const history = (
    model: string,
    alias: string,
    { limit, cursor, since, until, actor, ...options }: HistoryOptions = {},
  ) =>
    http.json<Page<AliasRevision>>(
      `${path(model, alias)}/history${query({ limit, cursor, since, until, actor })}`,
      options,
    );
  return {
    list,
    all: (model: string, options: PageOptions = {}) =>
      allPages((page) => list(model, { ...options, ...page }), options.cursor),
    get: (model: string, alias: string, options: RequestOptions = {}) => http.json<Alias>(path(model, alias), options),
    /** The alias as it was at a time. */
    at: (model: string, alias: string, time: Date | string, options: RequestOptions = {}) =>
      http.json<Alias>(
        `${path(model, alias)}${query({ at: time instanceof Date ? time.toISOString() : time })}`,
        options,
      ),
    put: (model: string, alias: string, input: PutAliasInput, options: RequestOptions = {}) =>
      http.json<Alias>(path(model, alias), { ...options, method: 'PUT', json: input }),
    /** Brings back the targets of an earlier revision, as a new one. */
    rollback: (model: string, alias: string, input: RollbackAliasInput, options: PostOptions = {}) =>
      http.json<Alias>(`${path(model, alias)}/rollback`, { ...options, method: 'POST', json: input }),
    /** One page of the alias's moves, newest first. */
    history,
    allHistory: (model: string, alias: string, options: HistoryOptions = {}) =>
      allPages((page) => history(model, alias, { ...options, ...page }), options.cursor),
    /** Only `admin` moves a protected alias. */
    protect: (model: string, alias: string, isProtected: boolean, options: RequestOptions = {}) =>
      http.json<Alias>(path(model, alias), {
        ...options,
        method: 'PATCH',
        json: { protected: isProtected } satisfies PatchAliasInput,
      }),
    delete: async (
      model: string,
      alias: string,
      reason: string,
      { ifRevision, ...options }: RequestOptions & { ifRevision?: number | undefined } = {},
    ): Promise<void> => {
      await http.send(`${path(model, alias)}${query({ reason, ifRevision })}`, { ...options, method: 'DELETE' });
    },
  };
}
