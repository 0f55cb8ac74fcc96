import { Manifest } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import type { Gateway } from '../../context.ts';
import { openDatabase } from '../../db/database.ts';
import { admissions, artifacts, auditLog, models, teams, versions } from '../../db/schema.ts';
import { stepAdmissions } from './step.ts';

const digest = `sha256:${'a'.repeat(64)}`;

/** A version in admission, no node, and a trial Worker whose calls are `load`. */
async function admitting(load: (model: { digest: string }) => Promise<unknown>) {
  const db = openDatabase(openD1().binding as D1Database);
  const clock = { now: 1_000 };
  const at = { createdAt: 0, createdBy: 'key_1' };
  await db.insert(teams).values({ id: 'team_1', name: 'one', createdAt: 0 });
  const model = {
    id: 'mod_1',
    name: 'm',
    teamId: 'team_1',
    task: 'custom',
    visibility: 'private',
    labels: {},
  } as const;
  await db.insert(models).values({ ...model, ...at });
  await db.insert(artifacts).values({ digest, key: 'objects/1', sizeBytes: 3, createdAt: 0 });
  const manifest = Manifest.parse({
    format: 'onnx',
    files: [{ path: 'model.onnx', digest, sizeBytes: 3 }],
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1] }],
    outputs: [],
  });
  const admission = { edgeEligible: false, multiplyAdds: 1, multiplyAddsAt: { x: [1] }, notes: [] };
  const version = { id: 'ver_1', modelId: 'mod_1', version: 1, state: 'admitting', digest, sizeBytes: 3 } as const;
  await db.insert(versions).values({ ...version, manifest, admission, ...at });
  await db.insert(admissions).values({ versionId: 'ver_1', step: 'node', controlFlow: 'none', notBefore: 0 });
  const gateway = {
    db,
    now: () => clock.now,
    fleet: { list: async () => [] },
    trial: { load },
    directory: { forgetModel: () => {} },
    janitors: { wake: async () => {} },
  } as unknown as Gateway;
  return { gateway, clock, db };
}

describe('an admission', () => {
  it('takes a trial that cannot be made for no fault of the model, and says so after five tries', async () => {
    let calls = 0;
    const { gateway, clock, db } = await admitting(async () => {
      calls += 1;
      throw new Error('the file of this version cannot be read from storage now');
    });
    for (let next: number | undefined = clock.now; next !== undefined; next = await stepAdmissions(gateway)) {
      clock.now = next;
      const [version] = await db.select().from(versions);
      if (calls > 0 && calls < 5) expect(version?.state).toBe('admitting');
    }
    expect(calls).toBe(5);
    const [version] = await db.select().from(versions);
    expect(version).toMatchObject({
      state: 'ready',
      admission: {
        edgeEligible: false,
        edgeReason: expect.stringContaining("no fault of the model's"),
        notes: ['it was not tried on a node: none was there', expect.stringContaining('the trial could not be made')],
      },
    });
    expect(version?.admission).not.toHaveProperty('edgeFailure');
    expect((await db.select().from(auditLog)).map(({ action }) => action)).toEqual(['version.ready']);
  });

  it('writes nothing of a version that was deleted while it was tried', async () => {
    const { gateway, db } = await admitting(async () => {
      await db.delete(admissions);
      await db.delete(versions);
      return { ok: false, failure: { kind: 'load', message: 'no' } };
    });
    expect(await stepAdmissions(gateway)).toBeUndefined();
    expect(await db.select().from(auditLog)).toEqual([]);
  });

  it('ends without a word for a version that is no longer in admission', async () => {
    const { gateway, db } = await admitting(async () => {
      await db.update(versions).set({ state: 'archived' });
      return { ok: false, failure: { kind: 'load', message: 'no' } };
    });
    expect(await stepAdmissions(gateway)).toBeUndefined();
    expect((await db.select().from(versions)).map(({ state }) => state)).toEqual(['archived']);
    expect(await db.select().from(auditLog)).toEqual([]);
    expect(await db.select().from(admissions)).toEqual([]);
  });

  it('takes the first version of every team before the second of any, however long the first takes', async () => {
    const tried: string[] = [];
    const { gateway, db } = await admitting(async ({ digest }) => {
      tried.push(digest);
      throw new Error('not now');
    });
    const [model] = await db.select().from(models);
    const [version] = await db.select().from(versions);
    if (!model || !version) throw new Error('expected a version in admission');
    await db.insert(teams).values({ id: 'team_2', name: 'two', createdAt: 0 });
    await db.insert(models).values({ ...model, id: 'mod_2', name: 'other', teamId: 'team_2' });
    const later = [
      { id: 'ver_2', version: 2, digest: 'm@2' },
      { id: 'ver_3', version: 3, digest: 'm@3' },
      { id: 'ver_4', version: 1, digest: 'other@1', modelId: 'mod_2' },
      { id: 'ver_5', version: 2, digest: 'other@2', modelId: 'mod_2' },
    ];
    await db.insert(versions).values(later.map((more) => ({ ...version, ...more })));
    const waiting = { step: 'node', controlFlow: 'none', notBefore: 0 } as const;
    await db.insert(admissions).values(later.map(({ id }) => ({ versionId: id, ...waiting })));
    await stepAdmissions(gateway);
    expect(tried).toEqual([digest, 'other@1', 'm@2', 'other@2', 'm@3']);
  });
});
