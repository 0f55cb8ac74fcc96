/** The registry's tables. Change them here, then `npm run db:generate`; a migration that landed is never edited. */
import type {
  Access,
  Admission,
  AliasTarget,
  Manifest,
  NodePublicKey,
  Scope,
  VersionState,
  Visibility,
} from '@lepton-edge/protocol';
import { sql } from 'drizzle-orm';
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/** Milliseconds since 1970, UTC. */
const time = (name: string) => integer(name, { mode: 'number' });

export const teams = sqliteTable('teams', {
  id: text('id').primaryKey(),
  name: text('name').notNull().unique(),
  createdAt: time('created_at').notNull(),
});

/** Keys of people and programs, and the credentials of nodes (scope `node`, with `nodeId`). */
export const apiKeys = sqliteTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    teamId: text('team_id')
      .notNull()
      .references(() => teams.id),
    nodeId: text('node_id'),
    name: text('name').notNull(),
    description: text('description'),
    /** The first characters of the secret, to recognise a key by. */
    prefix: text('prefix').notNull(),
    /** SHA-256 of the secret in hexadecimal; the secret itself is never stored. */
    hash: text('hash').notNull().unique(),
    scopes: text('scopes', { mode: 'json' }).$type<Scope[]>().notNull(),
    createdAt: time('created_at').notNull(),
    expiresAt: time('expires_at'),
    revokedAt: time('revoked_at'),
    /** Written lazily, about once a minute. */
    lastUsedAt: time('last_used_at'),
    /** The quota; NULL is no limit. */
    requestsPerMinute: integer('requests_per_minute'),
    concurrentRequests: integer('concurrent_requests'),
    computeUnitsPerMinute: integer('compute_units_per_minute'),
    quotaSetAt: time('quota_set_at'),
  },
  (table) => [index('api_keys_by_node').on(table.nodeId)],
);

export const models = sqliteTable(
  'models',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull().unique(),
    teamId: text('team_id')
      .notNull()
      .references(() => teams.id),
    task: text('task').notNull(),
    description: text('description'),
    visibility: text('visibility').$type<Visibility>().notNull(),
    labels: text('labels', { mode: 'json' }).$type<Record<string, string>>().notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (table) => [index('models_by_team').on(table.teamId, table.name)],
);

export const versions = sqliteTable(
  'versions',
  {
    id: text('id').primaryKey(),
    modelId: text('model_id')
      .notNull()
      .references(() => models.id),
    version: integer('version').notNull(),
    state: text('state').$type<VersionState>().notNull(),
    reason: text('reason'),
    digest: text('digest').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    manifest: text('manifest', { mode: 'json' }).$type<Manifest>().notNull(),
    admission: text('admission', { mode: 'json' }).$type<Admission>(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (table) => [
    uniqueIndex('versions_by_number').on(table.modelId, table.version),
    index('versions_by_digest').on(table.digest),
  ],
);

export const versionFiles = sqliteTable(
  'version_files',
  {
    versionId: text('version_id')
      .notNull()
      .references(() => versions.id),
    path: text('path').notNull(),
    digest: text('digest')
      .notNull()
      .references(() => artifacts.digest),
  },
  (table) => [
    primaryKey({ columns: [table.versionId, table.path] }),
    index('version_files_by_digest').on(table.digest),
  ],
);

/** Stored files by content; a row exists only for bytes whose digest was verified. */
export const artifacts = sqliteTable('artifacts', {
  digest: text('digest').primaryKey(),
  /** The R2 object that holds the bytes. */
  key: text('key').notNull(),
  sizeBytes: integer('size_bytes').notNull(),
  createdAt: time('created_at').notNull(),
  /** When an upload or a version last wanted it: what nothing refers to is collected a while after. */
  touchedAt: time('touched_at').notNull().default(0),
});

/**
 * R2 objects that nothing refers to, or not yet: written before an object is, removed in the batch that refers to it,
 * collected after `deleteAfter`.
 */
export const looseObjects = sqliteTable('loose_objects', {
  key: text('key').primaryKey(),
  /** Set when it may still be in parts: R2's name for the upload of it. */
  multipartId: text('multipart_id'),
  deleteAfter: time('delete_after').notNull(),
  /** Being deleted: nothing may refer to it any more. */
  claimed: integer('claimed', { mode: 'boolean' }).notNull().default(false),
});

/** Multi-part uploads under way. */
export const uploads = sqliteTable(
  'uploads',
  {
    id: text('id').primaryKey(),
    teamId: text('team_id')
      .notNull()
      .references(() => teams.id),
    digest: text('digest').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    filename: text('filename'),
    state: text('state').$type<'open' | 'verifying' | 'done'>().notNull(),
    objectKey: text('object_key').notNull(),
    /** R2's name for it. */
    multipartId: text('multipart_id').notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  (table) => [index('uploads_by_expiry').on(table.expiresAt)],
);

/** R2's tags of the parts that are stored: its binding cannot list them. */
export const uploadParts = sqliteTable(
  'upload_parts',
  {
    uploadId: text('upload_id')
      .notNull()
      .references(() => uploads.id, { onDelete: 'cascade' }),
    part: integer('part').notNull(),
    etag: text('etag').notNull(),
    /** How often it was sent: sendings that overlap may leave another tag in R2 than here. */
    sends: integer('sends').notNull().default(1),
  },
  (table) => [primaryKey({ columns: [table.uploadId, table.part] })],
);

/** Versions in admission, and how far each has come. */
export const admissions = sqliteTable(
  'admissions',
  {
    versionId: text('version_id')
      .primaryKey()
      .references(() => versions.id, { onDelete: 'cascade' }),
    step: text('step').$type<AdmissionStep>().notNull(),
    controlFlow: text('control_flow').$type<ControlFlow>().notNull(),
    attempts: integer('attempts').notNull().default(0),
    notBefore: time('not_before').notNull(),
  },
  (table) => [index('admissions_by_time').on(table.notBefore)],
);

/** What other teams may do with a model. */
export const grants = sqliteTable(
  'grants',
  {
    modelId: text('model_id')
      .notNull()
      .references(() => models.id, { onDelete: 'cascade' }),
    teamId: text('team_id')
      .notNull()
      .references(() => teams.id),
    access: text('access').$type<Access>().notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (table) => [primaryKey({ columns: [table.modelId, table.teamId] }), index('grants_by_team').on(table.teamId)],
);

/** Answers to requests with an `Idempotency-Key`, and those still being worked on. */
export const idempotency = sqliteTable(
  'idempotency',
  {
    keyId: text('key_id').notNull(),
    /** Method and path. */
    target: text('target').notNull(),
    idempotencyKey: text('idempotency_key').notNull(),
    bodyDigest: text('body_digest').notNull(),
    /** NULL while it is being worked on. */
    status: integer('status'),
    headers: text('headers', { mode: 'json' }).$type<Record<string, string>>(),
    body: text('body'),
    /** For one being worked on: when its worker counts as dead. */
    leaseUntil: time('lease_until').notNull(),
    expiresAt: time('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.keyId, table.target, table.idempotencyKey] }),
    index('idempotency_by_expiry').on(table.expiresAt),
  ],
);

/** Which teams uploaded which bytes themselves: a digest alone is no capability. */
export const artifactTeams = sqliteTable(
  'artifact_teams',
  {
    digest: text('digest')
      .notNull()
      .references(() => artifacts.digest),
    teamId: text('team_id')
      .notNull()
      .references(() => teams.id),
  },
  (table) => [primaryKey({ columns: [table.digest, table.teamId] })],
);

export const aliases = sqliteTable(
  'aliases',
  {
    modelId: text('model_id')
      .notNull()
      .references(() => models.id),
    alias: text('alias').notNull(),
    revision: integer('revision').notNull(),
    targets: text('targets', { mode: 'json' }).$type<AliasTarget[]>().notNull(),
    protected: integer('protected', { mode: 'boolean' }).notNull().default(false),
    reason: text('reason').notNull(),
    updatedAt: time('updated_at').notNull(),
    updatedBy: text('updated_by').notNull(),
  },
  (table) => [primaryKey({ columns: [table.modelId, table.alias] })],
);

/** Every move of every alias, append-only. */
export const aliasHistory = sqliteTable(
  'alias_history',
  {
    modelId: text('model_id')
      .notNull()
      .references(() => models.id),
    alias: text('alias').notNull(),
    revision: integer('revision').notNull(),
    targets: text('targets', { mode: 'json' }).$type<AliasTarget[]>().notNull(),
    reason: text('reason').notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (table) => [primaryKey({ columns: [table.modelId, table.alias, table.revision] })],
);

/** Tokens by which nodes join, most of them one each. */
export const nodeTokens = sqliteTable('node_tokens', {
  id: text('id').primaryKey(),
  hash: text('hash').notNull().unique(),
  createdAt: time('created_at').notNull(),
  createdBy: text('created_by').notNull(),
  expiresAt: time('expires_at').notNull(),
  /** How many joins it is good for, and how many there were. */
  uses: integer('uses').notNull().default(1),
  used: integer('used').notNull().default(0),
  revokedAt: time('revoked_at'),
  /** The node that joined by it last. */
  nodeId: text('node_id'),
});

export const nodes = sqliteTable('nodes', {
  id: text('id').primaryKey(),
  name: text('name').notNull().unique(),
  url: text('url').notNull(),
  /** What the gateway signs as `iss` towards this node. */
  issuer: text('issuer').notNull(),
  publicKey: text('public_key', { mode: 'json' }).$type<NodePublicKey>().notNull(),
  region: text('region'),
  labels: text('labels', { mode: 'json' }).$type<Record<string, string>>().notNull(),
  joinedAt: time('joined_at').notNull(),
  /** When an operator took it out of work; NULL while it may work. */
  drainedAt: time('drained_at'),
  /** When an operator asked for a new credential: earlier ones are to be replaced. */
  rotateAt: time('rotate_at'),
});

/** One row for every mutation, written in the same batch as the mutation. */
export const auditLog = sqliteTable(
  'audit_log',
  {
    seq: integer('seq').primaryKey({ autoIncrement: true }),
    at: time('at').notNull(),
    actor: text('actor').notNull(),
    /** The team whose thing was changed. */
    teamId: text('team_id').notNull(),
    action: text('action').notNull(),
    subject: text('subject').notNull(),
    /** The name of the model it was about, if any. */
    model: text('model'),
    detail: text('detail', { mode: 'json' }).$type<Record<string, unknown>>().notNull().default(sql`'{}'`),
    /** The chain's hash at this row; NULL until it is sealed. */
    hash: text('hash'),
  },
  (table) => [
    index('audit_by_team').on(table.teamId, table.seq),
    index('audit_by_model').on(table.model, table.seq),
    index('audit_by_actor').on(table.actor, table.seq),
  ],
);

/** What makes the cost of a run unbounded by the file; `unknown` for files that cannot be inspected. */
export type ControlFlow = 'none' | 'branches' | 'loops' | 'unknown';

/** What an admission does next. */
export type AdmissionStep = 'node' | 'edge' | 'decide';
