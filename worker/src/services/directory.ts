/** Keys, models and versions by name, as the hot path needs them: through the isolate's entity caches. */
import {
  type Access,
  type AliasTarget,
  batchPlan,
  LeptonError,
  type Manifest,
  type Reference,
  type Scope,
  type VersionState,
  type Visibility,
} from '@lepton-edge/protocol';
import { and, eq, inArray, max, sql } from 'drizzle-orm';
import type { ColoCache } from '../cache/colo-cache.ts';
import { EntityCache } from '../cache/entity-cache.ts';
import { GroupedReads } from '../cache/grouped-reads.ts';
import { type EntityForm, sharedEntities } from '../cache/shared-entities.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Principal } from '../context.ts';
import { type Database, databaseAway } from '../db/database.ts';
import { aliases, apiKeys, artifacts, grants, models, versionFiles, versions } from '../db/schema.ts';
import { chooseTarget } from '../dispatch/choose-target.ts';
import type { EdgeTried } from '../dispatch/edge-time.ts';
import { elementsOf } from '../onnx/cost/growth.ts';
import type { Limits } from '../quotas/terms.ts';
import { mayInfer } from './access.ts';
import { bestBatchSize } from './admission/best-batch-size.ts';

export interface KnownModel {
  id: string;
  name: string;
  teamId: string;
  visibility: Visibility;
  /** What other teams may do with it, by team. */
  grants: ReadonlyMap<string, Access>;
  aliases: ReadonlyMap<string, readonly AliasTarget[]>;
  newestReady: number | undefined;
  /** The newest version in admission. */
  admitting: number | undefined;
}

export interface KnownVersion {
  model: string;
  version: number;
  state: VersionState;
  reason: string | undefined;
  digest: string;
  sizeBytes: number;
  manifest: Manifest;
  edgeEligible: boolean;
  edgeReason: string | undefined;
  /** What the loaded model takes of ONNX Runtime's heap at the edge, as measured. */
  wasmBytes: number | undefined;
  /** What was tried at the edge, how long that took, and what larger inputs take. */
  edgeTried: EdgeTried | undefined;
  /** What a run took where it was tried on a node, in ms. */
  nodeRunMs: number | undefined;
  /** As stated, else as measured: whether the same inputs give the same answer. */
  deterministic: boolean;
  /** As stated, else as measured: how many items a run takes without their answers changing; 1 where that is not known. */
  maxBatchSize: number;
  /** How many items may share a run at the edge; 1: every request runs alone there. */
  edgeBatchSize: number;
  /** The R2 object of each file, in the manifest's order. */
  objectKeys: readonly string[];
  /** The length of the manifest's JSON: what most of it is. */
  manifestBytes: number;
}

export interface Resolved {
  model: KnownModel;
  version: KnownVersion;
}

/** A manifest may be 256 KiB long: an isolate remembers no more of them than this together. */
const MAX_MANIFESTS_BYTES = 8 * 1024 * 1024;

/** Whoever asks whether the gateway is ready wants to know it of now. */
const PING_AGES = { freshMs: 2_000, staleMs: 2_000, outageMs: 0 };

/** Of keys, models and versions as a colo's isolates share them; what is about to change is not. */
const KEY_FORM: EntityForm<Principal, Omit<Principal, 'scopes'> & { scopes: Scope[] }> = {
  pack: (key: Principal) => ({ ...key, scopes: [...key.scopes] }),
  unpack: (json) => ({ ...json, scopes: new Set(json.scopes) }),
};
const MODEL_FORM: EntityForm<
  KnownModel,
  Omit<KnownModel, 'grants' | 'aliases'> & {
    grants: [team: string, access: Access][];
    aliases: [alias: string, targets: readonly AliasTarget[]][];
  }
> = {
  pack: (model: KnownModel) =>
    model.newestReady === undefined ? undefined : { ...model, grants: [...model.grants], aliases: [...model.aliases] },
  unpack: (json) => ({ ...json, grants: new Map(json.grants), aliases: new Map(json.aliases) }),
};
const VERSION_FORM: EntityForm<KnownVersion, KnownVersion> = {
  pack: (version) => (version.state === 'admitting' ? undefined : version),
  unpack: (json) => json,
};

export class Directory {
  readonly #keys: EntityCache<Principal>;
  readonly #models: EntityCache<KnownModel>;
  readonly #versions: EntityCache<KnownVersion>;
  readonly #reachable: EntityCache<true>;

  constructor(db: Database, now: () => number, colo: ColoCache) {
    const keys = new GroupedReads((hashes) => loadKeys(db, hashes, now()));
    this.#keys = new EntityCache({
      load: (hash, later) => guard(() => keys.read(hash, later)),
      shared: sharedEntities(colo, 'key', KEY_FORM),
      now,
    });
    const models = new GroupedReads((names) => loadModels(db, names));
    this.#models = new EntityCache({
      load: (name, later) => guard(() => models.read(name, later)),
      shared: sharedEntities(colo, 'model', MODEL_FORM),
      now,
    });
    const bytes = { max: MAX_MANIFESTS_BYTES, of: ({ manifestBytes }: KnownVersion) => manifestBytes };
    this.#versions = new EntityCache({
      load: (key) => guard(() => loadVersion(db, key)),
      shared: sharedEntities(colo, 'version', VERSION_FORM),
      now,
      bytes,
    });
    const ping = async () => {
      await db.run(sql`SELECT 1`);
      return true as const;
    };
    this.#reachable = new EntityCache({ load: () => guard(ping), now, ages: PING_AGES });
  }

  /** @throws LeptonError `unavailable` when the registry could not be reached in the last seconds */
  async checkReachable(waitUntil: WaitUntil): Promise<void> {
    await this.#reachable.get('registry', waitUntil);
  }

  /** The principal of a secret's hash; undefined when no valid key has it. */
  key(hash: string, waitUntil: WaitUntil): Promise<Principal | undefined> {
    return this.#keys.get(hash, waitUntil);
  }

  /** As `key`, where it is known and fresh. */
  freshKey(hash: string): Principal | undefined {
    return this.#keys.fresh(hash);
  }

  /** A model that `principal` may call, by name. @throws LeptonError `model_not_found`, the same for hidden and absent. */
  async model(name: string, principal: Principal, waitUntil: WaitUntil): Promise<KnownModel> {
    const model = await this.#models.get(name, waitUntil);
    if (model && mayInfer(principal, model)) return model;
    throw new LeptonError('model_not_found', `no model is named "${name}"`);
  }

  /**
   * What a reference stands for now.
   * @param point in [0, 1): where the caller falls in a traffic split
   */
  async resolve(ref: Reference, principal: Principal, point: number, waitUntil: WaitUntil): Promise<Resolved> {
    const model = await this.#withReady(await this.model(ref.model, principal, waitUntil), ref, waitUntil);
    const number = ref.version ?? chooseTarget(targetsOf(model, ref.alias), point);
    const version = await this.version(model, number, waitUntil);
    return { model, version };
  }

  /** As `resolve`, where all of it is known and fresh; undefined also for what may not be called. */
  fresh(ref: Reference, principal: Principal, point: number): Resolved | undefined {
    const model = this.#models.fresh(ref.model);
    if (model?.newestReady === undefined || !mayInfer(principal, model)) return undefined;
    const number = ref.version ?? chooseTarget(targetsOf(model, ref.alias), point);
    const version = this.#versions.fresh(`${model.id}/${number}`);
    return version?.state === 'ready' ? { model, version } : undefined;
  }

  /** Every version that a reference may stand for now: all of a traffic split. @throws LeptonError as `resolve` */
  async resolveAll(ref: Reference, principal: Principal, waitUntil: WaitUntil): Promise<KnownVersion[]> {
    const model = await this.#withReady(await this.model(ref.model, principal, waitUntil), ref, waitUntil);
    const numbers =
      ref.version === undefined ? targetsOf(model, ref.alias).map(({ version }) => version) : [ref.version];
    return await Promise.all(numbers.map((number) => this.version(model, number, waitUntil)));
  }

  /** A model whose first version may be ready by now is looked up again: whoever waits for it asks at once. */
  async #withReady(model: KnownModel, ref: Reference, waitUntil: WaitUntil): Promise<KnownModel> {
    if (model.newestReady !== undefined || ref.version !== undefined || model.admitting === undefined) return model;
    this.#models.forget(model.name);
    return (await this.#models.get(model.name, waitUntil)) ?? model;
  }

  /** @throws LeptonError `version_not_found` */
  async version(model: KnownModel, number: number, waitUntil: WaitUntil): Promise<KnownVersion> {
    const key = `${model.id}/${number}`;
    const known = await this.#versions.get(key, waitUntil);
    // Admission ends at any moment, and whoever waits for it asks again at once.
    if (known?.state === 'admitting') this.#versions.forget(key);
    if (known) return known;
    const newest = model.newestReady === undefined ? 'it has none yet' : `the newest is ${model.newestReady}`;
    throw new LeptonError('version_not_found', `model "${model.name}" has no version ${number}: ${newest}`);
  }

  /** This isolate has just changed a model, its grants or aliases, or which of its versions are ready. */
  forgetModel(name: string): void {
    this.#models.forget(name);
  }

  /** This isolate has just changed the state of a version. */
  forgetVersion(modelId: string, number: number): void {
    this.#versions.forget(`${modelId}/${number}`);
  }

  forgetKey(hash: string): void {
    this.#keys.forget(hash);
  }
}

function targetsOf(model: KnownModel, alias: string | undefined): readonly AliasTarget[] {
  const targets = model.aliases.get(alias ?? 'production');
  if (targets) return targets;
  if (alias !== undefined) {
    const known = [...model.aliases.keys()];
    const hint = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none yet';
    throw new LeptonError('alias_not_found', `model "${model.name}" has no alias "${alias}": ${hint}`);
  }
  const only = model.aliases.size === 0 ? (model.newestReady ?? model.admitting) : undefined;
  if (only !== undefined) return [{ version: only, weight: 1 }];
  const what = model.newestReady === undefined ? 'has no ready version yet' : 'has aliases, but no alias "production"';
  throw new LeptonError('version_not_found', `model "${model.name}" ${what}: name a version or an alias`);
}

/** A database that cannot be asked is `unavailable`, so that callers can tell it from a fault of ours. */
async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw databaseAway(error) ?? error;
  }
}

/** Those that are valid, by hash. */
async function loadKeys(db: Database, hashes: readonly string[], now: number): Promise<Map<string, Principal>> {
  const rows = await db.select().from(apiKeys).where(inArray(apiKeys.hash, hashes));
  const valid = rows.filter(
    ({ revokedAt, expiresAt }) => revokedAt === null && (expiresAt === null || expiresAt > now),
  );
  return new Map(valid.map((row) => [row.hash, principalOf(row)]));
}

function principalOf(row: typeof apiKeys.$inferSelect): Principal {
  return {
    keyId: row.id,
    teamId: row.teamId,
    scopes: new Set(row.scopes),
    nodeId: row.nodeId ?? undefined,
    expiresAt: row.expiresAt ?? undefined,
    quota: quotaOf(row),
  };
}

function quotaOf(row: typeof apiKeys.$inferSelect): Limits | undefined {
  const { requestsPerMinute: requests, concurrentRequests: concurrent, computeUnitsPerMinute: units } = row;
  if (requests === null && concurrent === null && units === null) return undefined;
  return {
    setAt: row.quotaSetAt ?? 0,
    ...(requests === null ? {} : { requests }),
    ...(concurrent === null ? {} : { concurrent }),
    ...(units === null ? {} : { units }),
  };
}

/** By name. */
async function loadModels(db: Database, names: readonly string[]): Promise<Map<string, KnownModel>> {
  const isNamed = inArray(models.name, names);
  const newestIn = (state: VersionState) =>
    db
      .select({ modelId: versions.modelId, version: max(versions.version) })
      .from(versions)
      .innerJoin(models, eq(models.id, versions.modelId))
      .where(and(isNamed, eq(versions.state, state)))
      .groupBy(versions.modelId);
  const [rows, aliasRows, ready, admitting, grantRows] = await db.batch([
    db.select().from(models).where(isNamed),
    db
      .select({ modelId: aliases.modelId, alias: aliases.alias, targets: aliases.targets })
      .from(aliases)
      .innerJoin(models, eq(models.id, aliases.modelId))
      .where(isNamed),
    newestIn('ready'),
    newestIn('admitting'),
    db
      .select({ modelId: grants.modelId, team: grants.teamId, access: grants.access })
      .from(grants)
      .innerJoin(models, eq(models.id, grants.modelId))
      .where(isNamed),
  ]);
  const [aliasesOf, readyOf, admittingOf, grantsOf] = [
    byModel(aliasRows),
    byModel(ready),
    byModel(admitting),
    byModel(grantRows),
  ];
  const known = rows.map(
    (row): KnownModel => ({
      id: row.id,
      name: row.name,
      teamId: row.teamId,
      visibility: row.visibility,
      grants: new Map(grantsOf(row.id).map(({ team, access }) => [team, access])),
      aliases: new Map(aliasesOf(row.id).map(({ alias, targets }) => [alias, targets])),
      newestReady: readyOf(row.id)[0]?.version ?? undefined,
      admitting: admittingOf(row.id)[0]?.version ?? undefined,
    }),
  );
  return new Map(known.map((model) => [model.name, model]));
}

function byModel<R extends { modelId: string }>(rows: readonly R[]): (modelId: string) => readonly R[] {
  const groups = Map.groupBy(rows, ({ modelId }) => modelId);
  return (modelId) => groups.get(modelId) ?? [];
}

function edgeTriedOf({ admission }: typeof versions.$inferSelect): EdgeTried | undefined {
  if (!admission?.edge) return undefined;
  const { runMs, loadMs, perItemMs, shapes } = admission.edge;
  const branches = (admission.inspection?.operators.If ?? 0) > 0;
  const elements = elementsOf(shapes);
  return { runMs, loadMs, perItemMs, elements, growth: admission.multiplyAddsBeyond, branches };
}

function isDeterministic({ manifest, admission }: typeof versions.$inferSelect): boolean {
  if (manifest.deterministic !== undefined) return manifest.deterministic;
  return admission?.edge?.deterministic !== false && admission?.node?.deterministic !== false;
}

/** A batch that a manifest asks for takes of the edge's memory, too. */
const MAX_STATED_AT_EDGE = 64;

/** No more at the edge than were tried there, unless the manifest says so: more take more of its memory. */
function edgeBatchSizeOf(row: typeof versions.$inferSelect): number {
  if (!isDeterministic(row)) return 1;
  const { manifest, admission } = row;
  const edge = admission?.edge;
  const maxBatchSize = edge ? bestBatchSize(edge.perItemMs) : 1;
  const planned = batchPlan(manifest, edge && { edge, batching: { maxBatchSize } })?.maxItems ?? 1;
  return Math.min(planned, manifest.batching ? MAX_STATED_AT_EDGE : maxBatchSize);
}

/** @param key `<model id>/<number>` */
async function loadVersion(db: Database, key: string): Promise<KnownVersion | undefined> {
  const [modelId = '', number] = key.split('/');
  const thisVersion = and(eq(versions.modelId, modelId), eq(versions.version, Number(number)));
  const [[first], files] = await db.batch([
    db
      .select({ row: versions, model: models.name, manifestBytes: sql<number>`length(${versions.manifest})` })
      .from(versions)
      .innerJoin(models, eq(models.id, versions.modelId))
      .where(thisVersion),
    // Apart: joined, the whole manifest would come once for every file.
    db
      .select({ path: versionFiles.path, objectKey: artifacts.key })
      .from(versions)
      .innerJoin(versionFiles, eq(versionFiles.versionId, versions.id))
      .innerJoin(artifacts, eq(artifacts.digest, versionFiles.digest))
      .where(thisVersion),
  ]);
  if (!first) return undefined;
  const keyOf = new Map(files.map((file) => [file.path, file.objectKey]));
  const { row } = first;
  return {
    model: first.model,
    version: row.version,
    state: row.state,
    reason: row.reason ?? undefined,
    digest: row.digest,
    sizeBytes: row.sizeBytes,
    manifest: row.manifest,
    edgeEligible: row.admission?.edgeEligible ?? false,
    edgeReason: row.admission?.edgeReason,
    wasmBytes: row.admission?.edge?.wasmBytes,
    edgeTried: edgeTriedOf(row),
    nodeRunMs: row.admission?.node?.runMs,
    deterministic: isDeterministic(row),
    maxBatchSize: batchPlan(row.manifest, row.admission ?? undefined)?.maxItems ?? 1,
    edgeBatchSize: edgeBatchSizeOf(row),
    manifestBytes: first.manifestBytes,
    objectKeys: row.manifest.files.map((file) => keyOf.get(file.path) ?? ''),
  };
}
