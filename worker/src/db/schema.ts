/** The registry's tables. Change them here, then `npm run db:generate`; a migration that landed is never edited. */
import type {
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
export const apiKeys = sqliteTable('api_keys', {
  id: text('id').primaryKey(),
  teamId: text('team_id')
    .notNull()
    .references(() => teams.id),
  nodeId: text('node_id'),
  name: text('name').notNull(),
  /** The first characters of the secret, to recognise a key by. */
  prefix: text('prefix').notNull(),
  /** SHA-256 of the secret in hexadecimal; the secret itself is never stored. */
  hash: text('hash').notNull().unique(),
  scopes: text('scopes', { mode: 'json' }).$type<Scope[]>().notNull(),
  createdAt: time('created_at').notNull(),
  expiresAt: time('expires_at'),
  revokedAt: time('revoked_at'),
});

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
  (table) => [uniqueIndex('versions_by_number').on(table.modelId, table.version)],
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
});

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

/** One-time tokens by which a node joins. */
export const nodeTokens = sqliteTable('node_tokens', {
  id: text('id').primaryKey(),
  hash: text('hash').notNull().unique(),
  createdAt: time('created_at').notNull(),
  createdBy: text('created_by').notNull(),
  expiresAt: time('expires_at').notNull(),
  /** The node that used it; a used token joins nothing more. */
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
});

/** One row for every mutation, written in the same batch as the mutation. */
export const auditLog = sqliteTable('audit_log', {
  seq: integer('seq').primaryKey({ autoIncrement: true }),
  at: time('at').notNull(),
  actor: text('actor').notNull(),
  teamId: text('team_id').notNull(),
  action: text('action').notNull(),
  subject: text('subject').notNull(),
  detail: text('detail', { mode: 'json' }).$type<Record<string, unknown>>().notNull().default(sql`'{}'`),
});
