/** The soak `aliases`: versions made and aliases moved all at once, and every instant of their history asked for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, type LeptonClient } from '@lepton-edge/client';
import type { Alias, AliasRevision } from '@lepton-edge/protocol';
import { tinyModel } from '../test/support/tiny-model.ts';
import { SoakGateway } from './support/gateway.ts';

export interface AliasesOptions {
  home: string;
  port: number;
  rounds: number;
  /** No round begins after this. */
  untilMs: number;
  say: (line: string) => void;
}

export interface AliasesResult {
  violations: string[];
  versions: number;
  versionsMs: number;
  moves: number;
  made: number;
  movesMs: number;
  instants: number;
}

const VERSIONS = 50;
const MOVERS = 200;
const ALIASES = ['production', 'staging', 'canary', 'shadow'];
/** A move that came too late is decided anew, for the revision that is there then, so often at most. */
const TRIES = 8;

export async function soakAliases({ home, port, rounds, untilMs, say }: AliasesOptions): Promise<AliasesResult[]> {
  const gateway = new SoakGateway({ home, port, nodes: 0, vars: {} });
  const results: AliasesResult[] = [];
  try {
    await gateway.start();
    const began = performance.now();
    for (let round = 1; round <= rounds && performance.now() - began < untilMs; round++) {
      const result = await oneRound(gateway.client(0), `model-${round}`);
      results.push(result);
      say(`round ${round}: ${result.made} of ${result.moves} moves made, ${result.violations.length} violations`);
    }
    await gateway.stop();
    return results;
  } finally {
    await gateway.destroy();
  }
}

async function oneRound(client: LeptonClient, model: string): Promise<AliasesResult> {
  const violations: string[] = [];
  await client.models.create({ name: model });
  const versionsMs = await timed(async () => violations.push(...(await makeVersions(client, model))));
  const moved: (Alias & { asked: number })[] = [];
  let moves = 0;
  const movesMs = await timed(async () => {
    const all = await moveAll(client, model, violations);
    moved.push(...all.made);
    moves = all.sent;
  });
  let instants = 0;
  for (const alias of ALIASES) {
    const history = (await Array.fromAsync(client.aliases.allHistory(model, alias))).reverse();
    violations.push(...unlike(model, alias, history, moved));
    instants += await checkInstants(client, history, violations);
  }
  return { violations, versions: VERSIONS, versionsMs, moves, made: moved.length, movesMs, instants };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** All at once; then waits until they are ready. */
async function makeVersions(client: LeptonClient, model: string): Promise<string[]> {
  const uploads = Array.from({ length: VERSIONS }, (_, i) =>
    client.versions.upload(model, tinyModel(`${model}-${i}`), { placement: { policy: 'edge' } }),
  );
  const numbers = (await Promise.all(uploads)).map(({ version }) => version).sort((a, b) => a - b);
  const violations = numbers.every((number, i) => number === i + 1) ? [] : [`${model} has the versions ${numbers}`];
  for (;;) {
    const versions = await Array.fromAsync(client.versions.all(model));
    const rejected = versions.filter(({ state }) => state === 'rejected');
    if (rejected.length > 0) throw new Error(`${model} was rejected: ${rejected[0]?.reason}`);
    if (versions.every(({ state }) => state === 'ready')) return violations;
    await sleep(200);
  }
}

/** @returns the moves that were made, with the revision they asked for, and how many were sent */
async function moveAll(client: LeptonClient, model: string, violations: string[]) {
  let sent = 0;
  const moves = Array.from({ length: MOVERS }, async (_, i) => {
    const alias = ALIASES[i % ALIASES.length] ?? '';
    const targets = [{ version: 1 + (i % VERSIONS) }];
    for (let asked = 0, attempt = 1; attempt <= TRIES; attempt++) {
      sent++;
      try {
        const moved = await client.aliases.put(model, alias, { targets, reason: `move ${i}`, ifRevision: asked });
        return [{ ...moved, asked }];
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        if (error.code !== 'revision_conflict') violations.push(`a move was answered ${error.status} ${error.code}`);
        asked = (await client.aliases.get(model, alias)).revision;
      }
    }
    return [];
  });
  return { made: (await Promise.all(moves)).flat(), sent };
}

/** How a history differs from the moves that were acknowledged. */
function unlike(
  model: string,
  alias: string,
  history: AliasRevision[],
  moved: (Alias & { asked: number })[],
): string[] {
  const mine = moved.filter((move) => move.alias === alias).sort((a, b) => a.revision - b.revision);
  const expected = mine.map(({ revision, reason, targets }) => ({ revision, reason, targets }));
  const actual = history.map(({ revision, reason, targets }) => ({ revision, reason, targets }));
  const inOrder = mine.every(({ revision, asked }, i) => revision === i + 1 && asked === i);
  const same = JSON.stringify(actual) === JSON.stringify(expected) && inOrder && mine.length > 0;
  return same
    ? []
    : [`${model}@${alias} has the history ${JSON.stringify(actual)}, acknowledged was ${JSON.stringify(expected)}`];
}

/** Asks what an alias was around every instant of its history. @returns how many */
async function checkInstants(client: LeptonClient, history: AliasRevision[], violations: string[]): Promise<number> {
  const times = history.map(({ createdAt }) => Date.parse(createdAt));
  const instants = [...new Set(times.flatMap((time) => [time - 1, time, time + 1]))];
  for (const at of instants) {
    const { model = '', alias = '' } = history[0] ?? {};
    const expected = history.findLast(({ createdAt }) => Date.parse(createdAt) <= at)?.revision;
    const actual = await revisionAt(client, model, alias, new Date(at));
    if (actual !== expected) violations.push(`${model}@${alias} was at ${expected} at ${at}, told was ${actual}`);
  }
  return instants.length;
}

async function revisionAt(client: LeptonClient, model: string, alias: string, at: Date): Promise<number | undefined> {
  try {
    return (await client.aliases.at(model, alias, at)).revision;
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'alias_not_found') return undefined;
    throw error;
  }
}
