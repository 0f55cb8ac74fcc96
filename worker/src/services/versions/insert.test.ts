import { Manifest } from '@lepton-edge/protocol';
import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import type { ServiceContext } from '../../context.ts';
import { openDatabase } from '../../db/database.ts';
import { admissions, artifacts, auditLog, models, teams, versions } from '../../db/schema.ts';
import { checkAdmitting } from './admitting-limit.ts';
import { insertVersion } from './insert.ts';

const MAX = 3;
const digestOf = (n: number) => `sha256:${String(n).padStart(64, '0')}`;

/** Two teams with a model each. */
async function registry() {
  const db = openDatabase(openD1().binding as D1Database);
  const gateway = {
    db,
    now: () => 1_000,
    settings: { maxAdmittingPerTeam: MAX },
    directory: { forgetModel: () => {} },
    janitors: { wake: async () => {} },
  };
  const principal = { teamId: 'team_1', keyId: 'key_1', scopes: new Set() };
  const ctx = { gateway, principal, waitUntil: () => {} } as unknown as ServiceContext;
  const at = { createdAt: 0, createdBy: 'key_1' };
  for (const n of [1, 2]) {
    await db.insert(teams).values({ id: `team_${n}`, name: `team ${n}`, createdAt: 0 });
    const row = { id: `mod_${n}`, name: `m${n}`, teamId: `team_${n}`, task: 'custom', visibility: 'private' } as const;
    await db.insert(models).values({ ...row, labels: {}, ...at });
  }
  /** Inserts the n-th file's version for a team. */
  const insert = async (n: number, team = 1) => {
    const digest = digestOf(n);
    await db.insert(artifacts).values({ digest, key: `objects/${n}`, sizeBytes: 3, createdAt: 0 });
    const files = [{ path: 'model.onnx', digest, sizeBytes: 3 }];
    const manifest = Manifest.parse({ format: 'onnx', files, inputs: [], outputs: [] });
    const model = { id: `mod_${team}`, name: `m${team}`, teamId: `team_${team}` };
    return await insertVersion(ctx, model, { manifest, report: { notes: [] }, controlFlow: 'none' }, []);
  };
  return { ctx, db, insert };
}

describe('a version that is inserted', () => {
  it('is refused whole where its team has too many in admission, exactly, and taken when one has ended', async () => {
    const { ctx, db, insert } = await registry();
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => insert(n)));
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(refused).toHaveLength(10 - MAX);
    for (const reason of refused) {
      expect(reason).toMatchObject({ code: 'overloaded', retryAfterSeconds: expect.any(Number) });
      expect(reason.message).toContain('3 versions in admission');
    }
    expect((await db.select().from(versions)).map(({ version }) => version).sort()).toEqual([1, 2, 3]);
    expect(await db.select().from(auditLog)).toHaveLength(MAX);
    await expect(checkAdmitting(ctx.gateway, 'team_1')).rejects.toMatchObject({ code: 'overloaded' });
    await checkAdmitting(ctx.gateway, 'team_2');
    expect(await insert(20, 2)).toMatchObject({ version: 1, state: 'admitting' });
    const [first] = await db.select().from(admissions).limit(1);
    await db.delete(admissions).where(eq(admissions.versionId, first?.versionId ?? ''));
    expect(await insert(21)).toMatchObject({ version: 4 });
  });
});
