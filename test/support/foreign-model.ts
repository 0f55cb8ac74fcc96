/** A model of a team of its own, for tests of what others may do with it. */
import { createHash } from 'node:crypto';
import { call, freshName, newModel, uploadReady } from './api.ts';
import { tinyModel } from './tiny-model.ts';

/** A model with one version, behind the alias `production`, and a way to grant access to it. */
export async function newForeign(visibility: 'private' | 'public' = 'private') {
  const owner = await newModel();
  const bytes = tinyModel(freshName('bytes'));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await uploadReady(owner.client, owner.name, bytes);
  await owner.client.aliases.put(owner.name, 'production', { targets: [{ version: 1 }], reason: 'r' });
  if (visibility === 'public') await call('PATCH', `/api/models/${owner.name}`, { body: { visibility } });
  const grant = async (team: string, access: string, key = owner.secret) =>
    await call('PUT', `/api/models/${owner.name}/grants/${team}`, { key, body: { access } });
  return { ...owner, digest, grant };
}
