/** Teams, their keys, and the audit log of what was changed with them. */
import type {
  AuditEntry,
  AuditQuery,
  AuditVerified,
  CreateKeyInput,
  CreateTeamInput,
  IssuedKey,
  Key,
  Page,
  PutQuotaInput,
  Quota,
  Team,
  Usage,
  UsageQuery,
} from '@lepton-edge/protocol';
import { allPages, type PageOptions } from './pages.ts';
import { type PostOptions, query, type RequestOptions, seg, type Transport } from './transport.ts';

export interface KeyOptions extends PageOptions {
  /** The keys of one team, by its id or name. */
  team?: string | undefined;
}

export type AuditOptions = Omit<AuditQuery, 'limit' | 'cursor'> & PageOptions;

export function teamCalls(http: Transport) {
  const list = ({ limit, cursor, ...options }: PageOptions = {}) =>
    http.json<Page<Team>>(`/api/teams${query({ limit, cursor })}`, options);
  return {
    list,
    all: (options: PageOptions = {}) => allPages((page) => list({ ...options, ...page }), options.cursor),
    create: (input: CreateTeamInput, options: PostOptions = {}) =>
      http.json<Team>('/api/teams', { ...options, method: 'POST', json: input }),
  };
}

export function keyCalls(http: Transport) {
  const list = ({ limit, cursor, team, ...options }: KeyOptions = {}) =>
    http.json<Page<Key>>(`/api/keys${query({ limit, cursor, team })}`, options);
  return {
    list,
    all: (options: KeyOptions = {}) => allPages((page) => list({ ...options, ...page }), options.cursor),
    /** The secret is in this answer only. A repeat under one idempotency key is 409 `already_issued`. */
    create: (input: CreateKeyInput, options: PostOptions = {}) =>
      http.json<IssuedKey>('/api/keys', { ...options, method: 'POST', json: input }),
    /** Replaces the whole quota: what is absent or `null` has no limit. */
    setQuota: (id: string, quota: PutQuotaInput, options: RequestOptions = {}) =>
      http.json<Quota>(`/api/keys/${seg(id)}/quota`, { ...options, method: 'PUT', json: quota, repeatable: true }),
    /** By UTC day, of the last 30 days unless said otherwise. */
    usage: (id: string, { from, to, ...options }: UsageQuery & RequestOptions = {}) =>
      http.json<Usage>(`/api/keys/${seg(id)}/usage${query({ from, to })}`, options),
    revoke: async (id: string, options: RequestOptions = {}): Promise<void> => {
      await http.send(`/api/keys/${seg(id)}`, { ...options, method: 'DELETE' });
    },
  };
}

export function auditCalls(http: Transport) {
  const list = ({ signal, retries, ...filters }: AuditOptions = {}) =>
    http.json<Page<AuditEntry>>(`/api/audit${query(filters)}`, { signal, retries });
  return {
    /** Newest first. */
    list,
    all: (options: AuditOptions = {}) => allPages((page) => list({ ...options, ...page }), options.cursor),
    /** Checks the whole chain of hashes; 409 `audit_broken` names the first entry that does not fit. */
    verify: (options: RequestOptions = {}) => http.json<AuditVerified>('/api/audit/verify', options),
  };
}
