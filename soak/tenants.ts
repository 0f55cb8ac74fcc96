/** The soak `tenants`: whether one team can tell, by any header or by the time, that another has sent the same input. */
import type { LeptonClient } from '@lepton-edge/client';
import { SoakGateway } from './support/gateway.ts';
import { matrixInput, matrixModel } from './support/matrix-model.ts';
import { quantile } from './support/table.ts';
import { largestOfSplits } from './tenants/splits.ts';

export interface TenantsOptions {
  home: string;
  port: number;
  pairs: number;
  say: (line: string) => void;
}

/**
 * What the observer sends after a call of the other team's: that call's input, an input that nobody has sent (twice, for a
 * control), and at last its own of before.
 */
export const PROBES = ['sent by the other', 'new', 'new again', 'sent by itself'] as const;
type Probe = (typeof PROBES)[number];

export interface TenantsResult {
  violations: string[];
  pairs: number;
  /** Of each probe, in ms, in the order they were sent. */
  latencies: Record<Probe, number[]>;
  /** The farthest apart that the medians of two random halves of the control's probes lay. */
  spreadMs: number;
}

/** A run takes long enough to be told from an answer that is known. */
const WIDTH = 512;
const LAYERS = 10;
const WARM_UP_PAIRS = 50;
/** Of which nothing can be learnt: they differ from call to call. Of the phases, the names are looked at. */
const VOLATILE = new Set(['x-request-id', 'server-timing', 'date', 'traceparent', 'ratelimit']);

export async function soakTenants({ home, port, pairs, say }: TenantsOptions): Promise<TenantsResult> {
  const gateway = new SoakGateway({ home, port, nodes: 0, vars: {} });
  try {
    await gateway.start();
    const [other, observer] = await setUp(gateway.client());
    const seen = await observe(gateway.url, { other, observer }, pairs, say);
    await gateway.stop();
    return judge(seen, pairs);
  } finally {
    await gateway.destroy();
  }
}

/** @returns the keys of two teams that may both use the model */
async function setUp(client: LeptonClient): Promise<[string, string]> {
  await client.models.create({ name: 'shared', visibility: 'public' });
  const policy = { placement: { policy: 'edge' as const } };
  const { version } = await client.versions.upload('shared', matrixModel(WIDTH, LAYERS), policy);
  await client.versions.waitReady('shared', version);
  const keyOf = async (team: string) => {
    await client.teams.create({ name: team });
    return (await client.keys.create({ team, name: team, scopes: ['infer'] })).secret;
  };
  return [await keyOf('other'), await keyOf('observer')];
}

interface Seen {
  latencies: Record<Probe, number[]>;
  /** What an answer of a probe looked like, but for its body, and how often. */
  looks: Record<Probe, Map<string, number>>;
  phases: Record<Probe, Set<string>>;
}

async function observe(
  url: string,
  keys: { other: string; observer: string },
  pairs: number,
  say: (line: string) => void,
): Promise<Seen> {
  const seen: Seen = { latencies: each(() => []), looks: each(() => new Map()), phases: each(() => new Set()) };
  let inputs = 0;
  for (let pair = -WARM_UP_PAIRS; pair < pairs; pair++) {
    const probes = shuffled(['sent by the other', 'new', 'new again'] as const);
    let own = 0;
    for (const probe of probes) {
      const others = ++inputs;
      await call(url, keys.other, others);
      own = probe === 'sent by the other' ? others : ++inputs;
      note(seen, probe, await call(url, keys.observer, own), pair);
    }
    await call(url, keys.other, ++inputs);
    note(seen, 'sent by itself', await call(url, keys.observer, own), pair);
    if (pair > 0 && pair % 250 === 0) say(`${pair} pairs`);
  }
  return seen;
}

interface Answer {
  ms: number;
  look: string;
  phases: string[];
}

async function call(url: string, key: string, seed: number): Promise<Answer> {
  const { name, datatype, shape, data } = matrixInput(WIDTH, seed);
  const body = JSON.stringify({ inputs: [{ name, datatype, shape, data: Array.from(data as Float32Array) }] });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const began = performance.now();
  const response = await fetch(`${url}/v2/models/shared/infer`, { method: 'POST', headers, body });
  await response.arrayBuffer();
  const ms = performance.now() - began;
  const told = [...response.headers].filter(([header]) => header !== 'content-length');
  const lines = told.map(([header, value]) => `${header}: ${VOLATILE.has(header) ? '…' : value}`);
  const phases = (response.headers.get('server-timing') ?? '').split(',').map((phase) => phase.split(';')[0]?.trim());
  return { ms, look: [`status: ${response.status}`, ...lines.sort()].join(', '), phases: phases.map(String) };
}

function note({ latencies, looks, phases }: Seen, probe: Probe, answer: Answer, pair: number): void {
  if (pair < 0) return;
  latencies[probe].push(answer.ms);
  looks[probe].set(answer.look, (looks[probe].get(answer.look) ?? 0) + 1);
  for (const phase of answer.phases) phases[probe].add(phase);
}

function judge({ latencies, looks, phases }: Seen, pairs: number): TenantsResult {
  const violations: string[] = [];
  const usual = [...looks.new.keys()];
  for (const [look, count] of looks['sent by the other']) {
    if (!usual.includes(look))
      violations.push(`${count} answers looked otherwise: ${look}; usual is ${usual.join(' or ')}`);
  }
  const told = [...phases['sent by the other']].filter(
    (phase) => !phases.new.has(phase) && !phases['new again'].has(phase),
  );
  if (told.length > 0)
    violations.push(`server-timing tells of ${told.join(', ')} only where the other has sent the input`);
  const spreadMs = largestOfSplits([...latencies.new, ...latencies['new again']]);
  const median = (probe: Probe) => quantile(latencies[probe], 0.5);
  const apart = Math.abs(median('sent by the other') - median('new'));
  if (apart >= spreadMs)
    violations.push(`the medians are ${apart.toFixed(3)} ms apart, those of the control ${spreadMs.toFixed(3)}`);
  // What the clock cannot tell at all, it does not tell of teams either.
  if (Math.abs(median('sent by itself') - median('new')) < spreadMs) {
    violations.push('an answer that is surely known took no other time than a new one: nothing was measured');
  }
  return { violations, pairs, latencies, spreadMs };
}

function each<T>(make: () => T): Record<Probe, T> {
  return Object.fromEntries(PROBES.map((probe) => [probe, make()])) as Record<Probe, T>;
}

/** Source: Fisher and Yates. */
function shuffled<T>(values: readonly T[]): T[] {
  const all = [...values];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}
