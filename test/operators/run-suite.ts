/** Runs cases through a gateway, at both placements and in both encodings, and tells each that fails why. */
import type { LeptonClient } from '@lepton-edge/client';
import { type Admitted, admitAll, refOf } from './admit.ts';
import type { Baseline } from './baseline.ts';
import type { OperatorCase } from './cases.ts';
import { differenceOf } from './differences.ts';
import { type Encoding, inferOver, type Place, type Server } from './over-http.ts';
import { eachOf } from './parallel.ts';

export interface CaseResult {
  name: string;
  places: Record<Place, PlaceResult>;
  /** Whether the manifest had to state what to try it with. */
  stated: boolean;
}

export interface PlaceResult {
  /** Whether ONNX Runtime itself answers rightly. */
  baseline: boolean;
  passed: Record<Encoding, boolean>;
  /** Why not, where it did not pass in both encodings; what comes before a colon is a kind of reasons. */
  reason?: string;
}

export interface SuiteRun {
  results: CaseResult[];
  admissionMs: number;
  inferences: number;
  inferenceMs: number;
}

const PLACES: readonly Place[] = ['edge', 'node'];
const ENCODINGS: readonly Encoding[] = ['binary', 'json'];
const PARALLEL = 4;
const MAX_REASON_LENGTH = 200;

export async function runSuite(
  server: Server,
  client: LeptonClient,
  cases: readonly OperatorCase[],
  baselines: Record<Place, Baseline>,
  say: (line: string) => void,
): Promise<SuiteRun> {
  const began = performance.now();
  const admitted = await admitAll(client, cases, say);
  const between = performance.now();
  const failures = await eachOf(admitted, PARALLEL, (item) => inferAll(server, item));
  const inferenceMs = performance.now() - between;
  const results: CaseResult[] = [];
  for (const [i, item] of admitted.entries()) {
    const places: Partial<Record<Place, PlaceResult>> = {};
    for (const place of PLACES) {
      const failed = failures[i]?.[place] ?? { binary: 'was not run', json: 'was not run' };
      places[place] = resultOf(item, place, failed, await baselines[place](item.known));
    }
    results.push({ name: item.known.name, places: places as CaseResult['places'], stated: item.stated });
  }
  const inferences = failures.filter((failed) => failed !== undefined).length * PLACES.length * ENCODINGS.length;
  return { results, admissionMs: between - began, inferences, inferenceMs };
}

/** By encoding, what is wrong with the answer. */
type Failures = Record<Encoding, string | undefined>;

async function inferAll(server: Server, { known, version }: Admitted): Promise<Record<Place, Failures> | undefined> {
  if (!version || known.foreign) return undefined;
  const failures: Record<Place, Failures> = {
    edge: { binary: undefined, json: undefined },
    node: { binary: undefined, json: undefined },
  };
  for (const place of PLACES) {
    for (const encoding of ENCODINGS) {
      try {
        const outputs = await inferOver(server, refOf(version), known.inputs, place, encoding);
        const difference = differenceOf(outputs, known.expected, known.random);
        if (difference !== undefined) failures[place][encoding] = `the answer is wrong: ${difference}`;
      } catch (error) {
        failures[place][encoding] = `there is no answer: ${error instanceof Error ? error.message : error}`;
      }
    }
  }
  return failures;
}

function resultOf(item: Admitted, place: Place, failed: Failures, baseline: string | undefined): PlaceResult {
  const passed = { binary: failed.binary === undefined, json: failed.json === undefined };
  const result = { baseline: baseline === undefined, passed };
  if (passed.binary && passed.json) return result;
  const reason = baseline ?? refusalOf(item, place) ?? failed.binary ?? `${failed.json}, in JSON`;
  return { ...result, reason: reason.replace(/\s+/g, ' ').slice(0, MAX_REASON_LENGTH).trim() };
}

/** Why the gateway does not run at that placement what it took, or did not take it. */
function refusalOf({ refusal, version }: Admitted, place: Place): string | undefined {
  if (refusal !== undefined) return `the upload is refused: ${refusal}`;
  if (version?.state === 'rejected')
    return `the version is rejected: ${version.reason}`.replaceAll(refOf(version), 'it');
  if (place === 'edge' && !version?.admission?.edgeEligible)
    return `not at the edge: ${version?.admission?.edgeReason}`;
  return undefined;
}
