import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import type { ServiceContext } from '../../context.ts';
import { openDatabase } from '../../db/database.ts';
import { teams, uploads } from '../../db/schema.ts';
import { createUpload } from './create.ts';

const NOW = 1_000_000;
const digest = `sha256:${'a'.repeat(64)}`;

/** A team, and an upload of its own in a state. */
async function withUpload(state: 'open' | 'verifying' | 'done', expiresAt = NOW + 2_001) {
  const db = openDatabase(openD1().binding as D1Database);
  await db.insert(teams).values({ id: 'team_1', name: 'one', createdAt: 0 });
  const row = { id: 'upl_1', teamId: 'team_1', digest, sizeBytes: 3, filename: null, state, objectKey: 'objects/1' };
  await db.insert(uploads).values({ ...row, multipartId: 'm', createdAt: 0, createdBy: 'key_1', expiresAt });
  const blobs = { createMultipartUpload: async () => ({ uploadId: 'new' }) };
  const gateway = { db, blobs, now: () => NOW, settings: { uploadTtlMs: 1000 } };
  const principal = { teamId: 'team_1', keyId: 'key_1', scopes: new Set() };
  return { gateway, principal } as unknown as ServiceContext;
}

describe('an upload that is begun again', () => {
  it.each(['open', 'verifying'] as const)('goes on with one that is %s', async (state) => {
    const begun = await createUpload(await withUpload(state), { digest, sizeBytes: 3 });
    expect(begun).toMatchObject({ kind: 'found', row: { id: 'upl_1', state } });
  });

  it.each([
    ['done', NOW + 2_001],
    ['open', NOW + 2_000],
    ['verifying', NOW],
  ] as const)('is a new one where the other is %s until %i', async (state, expiresAt) => {
    const begun = await createUpload(await withUpload(state, expiresAt), { digest, sizeBytes: 3 });
    expect(begun).toMatchObject({ kind: 'new', row: { state: 'open', expiresAt: NOW + 1000 } });
  });
});
