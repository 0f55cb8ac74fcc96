/** Keeps a few models: makes and deletes them, grants them to teams, archives versions. */
import type { Access } from '@lepton-edge/protocol';
import { fresh, happens, oneOf } from '../random.ts';
import type { Writer, WriterContext } from './writer.ts';

const FEWEST_MODELS = 3;
const MOST_VERSIONS = 12;
const ARCHIVE_SHARE = 0.4;
const NO_GRANT_SHARE = 0.3;
const ACCESS: readonly Access[] = ['read', 'infer'];

export const keepModels: Writer = async (context) => {
  const { journal } = context;
  const living = journal.living();
  if (living.length < FEWEST_MODELS) return await makeModel(context);
  const full = living.find(({ versions }) => versions.length >= MOST_VERSIONS);
  if (full && living.length > FEWEST_MODELS) return await deleteModel(context, full);
  if (full) return await makeModel(context);
  return happens(ARCHIVE_SHARE) ? await archive(context) : await grant(context);
};

async function makeModel({ client, journal }: WriterContext): Promise<void> {
  const name = fresh('model');
  const made = await journal.attempt('model made', [], () => client.models.create({ name }));
  if (!made.ok && !made.inDoubt) return;
  const model = journal.addModel(name);
  if (made.ok) journal.expectAudit(`model.create model/${name}`);
  else model.exists = [true, false];
}

async function deleteModel({ client, journal }: WriterContext, model: { name: string; exists: boolean[] }) {
  const gone = await journal.attempt('model deleted', [], () => client.models.delete(model.name, { force: true }));
  journal.settle(model.exists, false, gone);
  if (gone.ok) journal.expectAudit(`model.delete model/${model.name}`);
}

async function archive({ client, journal }: WriterContext): Promise<void> {
  const model = oneOf(journal.living());
  const version = model && oneOf(model.versions)?.version;
  if (!model || version === undefined) return;
  const possible = model.archived.get(version) ?? [false];
  const codes = ['model_not_found', 'version_not_ready', 'version_in_use'];
  const before = possible.length === 1 && possible[0];
  const archived = await journal.attempt('version archived', codes, () =>
    client.versions.archive(model.name, version, fresh('archive')),
  );
  journal.settle(possible, true, archived);
  model.archived.set(version, possible);
  if (archived.ok && !before) journal.expectAudit(`version.archive ${model.name}@${version}`);
}

async function grant({ client, journal, teams }: WriterContext): Promise<void> {
  const model = oneOf(journal.living());
  const team = oneOf(teams);
  const access = oneOf(ACCESS);
  if (!model || team === undefined || access === undefined) return;
  const possible = model.grants.get(team) ?? [undefined];
  model.grants.set(team, possible);
  const subject = `grant/${model.name}/${team}`;
  if (happens(NO_GRANT_SHARE)) {
    const taken = await journal.attempt('grant taken back', ['model_not_found', 'grant_not_found'], () =>
      client.grants.delete(model.name, team),
    );
    journal.settle(possible, undefined, taken);
    if (taken.ok) journal.expectAudit(`grant.delete ${subject}`);
    return;
  }
  const given = await journal.attempt('grant given', ['model_not_found'], () =>
    client.grants.put(model.name, team, access),
  );
  journal.settle(possible, access, given);
  if (given.ok) journal.expectAudit(`grant.put ${subject} ${access}`);
}
