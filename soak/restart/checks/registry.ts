/** Checks over HTTP that the registry holds what was acknowledged, nothing half-done, and settles what was in doubt. */
import { GatewayError, type LeptonClient } from '@lepton-edge/client';
import type { AliasRevision, Version } from '@lepton-edge/protocol';
import type { Journal, ModelRecord, MoveTry, Possible } from '../journal.ts';

/** Expects one of the possible values, and from then on that one. */
function settled<T>(journal: Journal, what: string, possible: Possible<T>, actual: T): void {
  if (!possible.includes(actual)) journal.violate(`${what} is ${actual}, acknowledged was ${possible.join(' or ')}`);
  possible.splice(0, possible.length, actual);
}

/** To be called while nobody writes. */
export async function checkRegistry(client: LeptonClient, journal: Journal): Promise<void> {
  const there = new Set((await Array.fromAsync(client.models.all())).map(({ name }) => name));
  for (const name of there) if (!journal.models.has(name)) journal.violate(`${name} is there, and nobody made it`);
  for (const model of [...journal.models.values()]) {
    settled(journal, `that ${model.name} exists`, model.exists, there.has(model.name));
    if (there.has(model.name)) {
      await checkVersions(client, journal, model);
      await checkAliases(client, journal, model);
      await checkGrants(client, journal, model);
    } else journal.models.delete(model.name);
  }
}

async function checkVersions(client: LeptonClient, journal: Journal, model: ModelRecord): Promise<void> {
  const listed = (await Array.fromAsync(client.versions.all(model.name))).reverse();
  const byMain = new Map(model.versions.map((made) => [made.main, made]));
  for (const [i, version] of listed.entries()) {
    const name = `${model.name}@${version.version}`;
    if (version.version !== i + 1) journal.violate(`${name} stands where ${i + 1} is expected`);
    const main = version.manifest.files[0]?.digest ?? '';
    const made = byMain.get(main);
    byMain.delete(main);
    if (!made) {
      journal.violate(`${name} is there, and nobody made it`);
      continue;
    }
    if (made.version !== undefined && made.version !== version.version) {
      journal.violate(`${name} was acknowledged as version ${made.version}`);
    }
    made.version = version.version;
    checkFiles(journal, name, made.files, version);
    const archived = model.archived.get(version.version) ?? [false];
    model.archived.set(version.version, archived);
    settled(journal, `that ${name} is archived`, archived, version.state === 'archived');
  }
  for (const made of byMain.values()) {
    if (made.version !== undefined) journal.violate(`${model.name}@${made.version} was acknowledged and is not there`);
  }
  model.versions = model.versions.filter((made) => !byMain.has(made.main));
}

function checkFiles(journal: Journal, name: string, expected: { path: string; digest: string }[], version: Version) {
  const actual = version.manifest.files.map(({ path, digest }) => `${path} ${digest}`).join();
  const wanted = expected.map(({ path, digest }) => `${path} ${digest}`).join();
  if (actual !== wanted) journal.violate(`${name} has the files ${actual}, made was it of ${wanted}`);
}

async function checkAliases(client: LeptonClient, journal: Journal, model: ModelRecord): Promise<void> {
  const now = new Map((await client.aliases.list(model.name)).items.map((alias) => [alias.alias, alias]));
  const tried = new Set(model.moves.map(({ alias }) => alias));
  for (const alias of now.keys()) if (!tried.has(alias)) journal.violate(`${model.name}@${alias}: nobody made it`);
  for (const alias of tried) {
    const history = await historyOf(client, model.name, alias);
    const moves = model.moves.filter((move) => move.alias === alias);
    checkHistory(journal, `${model.name}@${alias}`, history, moves);
    const last = history.at(-1);
    const expected = last && last.targets.length > 0 ? last.revision : undefined;
    const actual = now.get(alias)?.revision;
    if (actual !== expected) journal.violate(`${model.name}@${alias} is at ${actual}, its history at ${expected}`);
    const made = new Set(history.map(({ reason }) => reason));
    model.moves = model.moves.filter((move) => move.alias !== alias || made.has(move.reason));
  }
}

function checkHistory(journal: Journal, name: string, history: AliasRevision[], moves: MoveTry[]): void {
  const byReason = new Map(moves.map((move) => [move.reason, move]));
  for (const [i, { revision, reason, targets }] of history.entries()) {
    if (revision !== i + 1) journal.violate(`${name}: revision ${revision} stands where ${i + 1} is expected`);
    const move = byReason.get(reason);
    byReason.delete(reason);
    if (!move) {
      journal.violate(`${name}: nobody made revision ${revision} (${reason})`);
      continue;
    }
    const actual = targets.map(({ version }) => version);
    if ((move.revision ?? revision) !== revision || String(move.targets ?? actual) !== String(actual)) {
      journal.violate(
        `${name}: revision ${revision} is to ${actual}, acknowledged was ${move.revision} to ${move.targets}`,
      );
    }
    Object.assign(move, { revision, targets: actual });
  }
  for (const { revision } of byReason.values()) {
    if (revision !== undefined) journal.violate(`${name}: revision ${revision} was acknowledged and is not there`);
  }
}

/** Oldest first; empty where the alias never was. */
async function historyOf(client: LeptonClient, model: string, alias: string): Promise<AliasRevision[]> {
  try {
    return (await Array.fromAsync(client.aliases.allHistory(model, alias))).reverse();
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'alias_not_found') return [];
    throw error;
  }
}

async function checkGrants(client: LeptonClient, journal: Journal, model: ModelRecord): Promise<void> {
  const { items } = await client.grants.list(model.name);
  for (const { team } of items)
    if (!model.grants.has(team)) journal.violate(`${model.name}: nobody granted to ${team}`);
  for (const [team, possible] of model.grants) {
    const access = items.find((grant) => grant.team === team)?.access;
    settled(journal, `the grant of ${model.name} to ${team}`, possible, access);
  }
}
