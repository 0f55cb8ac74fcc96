/** For every operation of the OpenAPI document a call that succeeds, with everything it needs made before. */
import { createHash } from 'node:crypto';
import { type CallOptions, call, client, freshName, keyOf, newModel, newTeamKey, uploadReady } from './api.ts';
import { drainingReport, joinByHand, nodeAddress } from './hand-made-node.ts';
import { tinyModel } from './tiny-model.ts';

export interface ExampleCall extends CallOptions {
  /** Of the path. */
  params?: Record<string, string>;
  query?: string;
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const FP32 = { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }] };

async function modelWithVersion() {
  const made = await newModel();
  const bytes = tinyModel(made.name);
  await uploadReady(made.client, made.name, bytes);
  return { ...made, digest: sha256(bytes), params: { model: made.name, version: '1', ref: made.name } };
}

let shared: ReturnType<typeof modelWithVersion> | undefined;

/** One for all that neither archive nor delete it: admission takes a second. */
async function sharedModel() {
  shared ??= modelWithVersion().then(async (made) => {
    await made.client.aliases.put(made.name, 'production', { targets: [{ version: 1 }], reason: 'r' });
    return made;
  });
  return await shared;
}

/** A new alias, moved twice. */
async function withAlias() {
  const { client: own, name } = await sharedModel();
  const alias = freshName('alias');
  for (const reason of ['first', 'second']) {
    await own.aliases.put(name, alias, { targets: [{ version: 1 }], reason });
  }
  return { params: { model: name, alias } };
}

async function modelWithGrant() {
  const { name } = await newModel();
  const { team } = await newTeamKey('infer');
  const params = { model: name, team };
  await call('PUT', `/api/models/${name}/grants/${team}`, { body: { access: 'read' } });
  return { params };
}

function fileToBegin() {
  const bytes = tinyModel(freshName('upload'));
  return { bytes, body: { sizeBytes: bytes.byteLength, digest: sha256(bytes), filename: 'f' } };
}

async function openUpload() {
  const { bytes, body } = fileToBegin();
  const begun = await call('POST', '/api/uploads', { body });
  return { bytes, params: { id: String(begun.body.id), part: '1' } };
}

async function onUpload(): Promise<ExampleCall> {
  return { params: (await openUpload()).params };
}

async function blob(): Promise<ExampleCall> {
  const { digest, secret } = await sharedModel();
  return { key: secret, params: { digest } };
}

async function onModel(): Promise<ExampleCall> {
  const { secret, params } = await sharedModel();
  return { key: secret, params };
}

/** By a key with a quota, which the answer tells of. */
async function infer(): Promise<ExampleCall> {
  const { team, params } = await sharedModel();
  const { id, secret } = await keyOf(team, 'infer');
  await call('PUT', `/api/keys/${id}/quota`, { body: { requestsPerMinute: 600 } });
  return { key: secret, params, body: FP32 };
}

const nothing = async (): Promise<ExampleCall> => ({});
const open = async (): Promise<ExampleCall> => ({ key: null });

export const EXAMPLES: Record<string, () => Promise<ExampleCall>> = {
  createModel: async () => ({ body: { name: freshName('model'), labels: { a: 'b' }, description: 'd' } }),
  listModels: async () => ({ query: '?limit=2' }),
  getModel: onModel,
  patchModel: async () => ({ ...(await onModel()), body: { task: 'embedding' } }),
  deleteModel: async () => ({ params: { model: (await newModel()).name }, query: '?force=true' }),
  createVersion: async () => ({ ...(await onModel()), body: tinyModel(freshName('version')) }),
  listVersions: onModel,
  getVersion: onModel,
  archiveVersion: async () => ({ params: (await modelWithVersion()).params, body: { reason: 'old' } }),
  listAliases: withAlias,
  getAlias: withAlias,
  putAlias: async () => ({ ...(await withAlias()), body: { targets: [{ version: 1 }], reason: 'r' } }),
  patchAlias: async () => ({ ...(await withAlias()), body: { protected: true } }),
  deleteAlias: async () => ({ ...(await withAlias()), query: '?reason=r' }),
  rollbackAlias: async () => ({ ...(await withAlias()), body: { reason: 'r' } }),
  listAliasHistory: withAlias,
  listGrants: modelWithGrant,
  putGrant: async () => ({ ...(await modelWithGrant()), body: { access: 'infer' } }),
  deleteGrant: modelWithGrant,
  createUpload: async () => ({ body: fileToBegin().body }),
  getUpload: onUpload,
  putUploadPart: async () => {
    const { bytes, params } = await openUpload();
    return { params, body: bytes };
  },
  completeUpload: async () => {
    const { bytes, params } = await openUpload();
    await call('PUT', `/api/uploads/${params.id}/parts/1`, { body: bytes });
    return { params };
  },
  deleteUpload: onUpload,
  getBlob: blob,
  headBlob: blob,
  createTeam: async () => ({ body: { name: freshName('team') } }),
  listTeams: nothing,
  createKey: async () => ({
    body: { team: 'default', name: 'k', scopes: ['infer'], description: 'd', expiresAt: '2999-01-01T00:00:00Z' },
  }),
  listKeys: async () => ({ query: '?limit=1000' }),
  putQuota: async () => ({
    params: { id: (await newTeamKey('infer')).id },
    body: { requestsPerMinute: 600, concurrentRequests: null },
  }),
  getUsage: async () => {
    const { id, secret } = await newTeamKey('infer');
    return { key: secret, params: { id }, query: '?from=2027-01-01&to=2027-01-31' };
  },
  revokeKey: async () => ({ params: { id: (await newTeamKey('infer')).id } }),
  listAudit: async () => ({ query: '?limit=1000' }),
  verifyAudit: nothing,
  createNodeToken: async () => ({ body: { uses: 3, expiresAt: new Date(Date.now() + 60_000).toISOString() } }),
  listNodeTokens: async () => ({ query: '?limit=1000' }),
  revokeNodeToken: async () => ({ params: { id: (await client().nodes.createToken()).id } }),
  joinNode: async () => {
    const { close: _close, ...address } = await nodeAddress();
    const { token } = await client().nodes.createToken();
    return { key: null, body: { token, name: freshName('node'), ...address, region: 'here' } };
  },
  reportNode: async () => {
    const { id, credential, url } = await joinByHand(freshName('node'));
    return { key: credential, params: { id }, body: drainingReport(url) };
  },
  listNodes: nothing,
  rotateNode: async () => ({ params: { id: (await joinByHand(freshName('node'))).id } }),
  issueNodeCredential: async () => {
    const { id, credential } = await joinByHand(freshName('node'));
    return { key: credential, params: { id } };
  },
  drainNode: async () => ({ params: { id: (await joinByHand(freshName('node'))).id } }),
  resumeNode: async () => ({ params: { id: (await joinByHand(freshName('node'))).id } }),
  removeNode: async () => ({ params: { id: (await joinByHand(freshName('node'))).id } }),
  getLiveness: open,
  getReadiness: open,
  getServerMetadata: nothing,
  getModelMetadata: onModel,
  getModelReadiness: onModel,
  infer,
  getVersionMetadata: onModel,
  getVersionReadiness: onModel,
  inferVersion: infer,
  indexRepository: nothing,
  getModelConfig: onModel,
  getVersionConfig: onModel,
  getModelStatistics: onModel,
  getVersionStatistics: onModel,
  listOpenAiModels: nothing,
  getOpenAiModel: onModel,
  createEmbeddings: async () => ({ body: { model: 'use-lite-int8', input: 'a text' } }),
  getPublicKeys: open,
  getDocument: open,
  getDocs: open,
};
