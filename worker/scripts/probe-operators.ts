/**
 * Asks ONNX Runtime itself which operators, opsets and IR versions it takes, and writes the answer for the inspection.
 *
 * Run after each change of the onnxruntime versions, with the Node of the repository: `node worker/scripts/probe-operators.ts`.
 * It takes about two minutes, needs no network, and rewrites `worker/src/onnx/operators.generated.json`.
 *
 * Neither runtime lists its operators, so each identifier found in their binaries is tried as one: a model of a single
 * node is loaded, and the sentence it is refused with tells whether the operator is registered. Only what the WASM and
 * the native build both know is written; what only one of them knows is printed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { candidateNames } from './candidate-names.ts';
import { probeModel } from './probe-model.ts';
import { type Answer, nativeRuntime, type Runtime, wasmRuntime } from './runtimes.ts';

const OUTPUT = new URL('../src/onnx/operators.generated.json', import.meta.url);
const DOMAINS = ['', 'ai.onnx.ml', 'com.microsoft'];
/** An operator every domain's first opset has, to tell an opset that is refused from an operator that is unknown. */
const WITNESS: Record<string, string> = { '': 'Add', 'ai.onnx.ml': 'Normalizer', 'com.microsoft': 'Gelu' };
const TOO_NEW = 100;

type Range = [first: number, last: number];

interface Findings {
  maxIrVersion: number;
  opsets: Map<string, Range>;
  /** `domain::Name`, the default domain without prefix. */
  operators: Map<string, Range>;
}

async function ask(runtime: Runtime, operator: string, domain: string, opset: number): Promise<Answer> {
  return runtime.ask(probeModel({ operator, domain, opset }));
}

/** The least number in [low, high] for which `holds`, given that it goes on to hold; `high + 1` when none does. */
async function first(low: number, high: number, holds: (n: number) => Promise<boolean>): Promise<number> {
  let [from, to] = [low, high + 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (await holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}

async function opsetsOf(runtime: Runtime, domain: string): Promise<Range> {
  const witness = WITNESS[domain] ?? '';
  const max = (await first(1, TOO_NEW, async (n) => (await ask(runtime, witness, domain, n)) === 'opset refused')) - 1;
  const min = await first(1, max, async (n) => (await ask(runtime, witness, domain, n)) === 'known');
  return [min, max];
}

/** The opsets an operator is usable in, or undefined when it is not registered. */
async function rangeOf(runtime: Runtime, operator: string, domain: string, opsets: Range): Promise<Range | undefined> {
  const [min, max] = opsets;
  const newest = await ask(runtime, operator, domain, max);
  if (newest === 'unknown') return undefined;
  const since = await first(min, max, async (n) => (await ask(runtime, operator, domain, n)) !== 'unknown');
  if (newest === 'known') return [since, max];
  const deprecated = await first(since, max, async (n) => (await ask(runtime, operator, domain, n)) === 'deprecated');
  return deprecated > since ? [since, deprecated - 1] : undefined;
}

async function probe(runtime: Runtime, names: readonly string[]): Promise<Findings> {
  const witness = { operator: 'Add', domain: '', opset: 20 };
  const refused = async (irVersion: number) =>
    (await runtime.ask(probeModel({ ...witness, irVersion }))) === 'ir version refused';
  const findings: Findings = {
    maxIrVersion: (await first(3, TOO_NEW, refused)) - 1,
    opsets: new Map(),
    operators: new Map(),
  };
  for (const domain of DOMAINS) {
    const opsets = await opsetsOf(runtime, domain);
    findings.opsets.set(domain, opsets);
    for (const name of names) {
      // The runtime turns `Constant` of any domain into an initializer before it looks the operator up.
      if (name === 'Constant' && domain !== '') continue;
      const range = await rangeOf(runtime, name, domain, opsets);
      if (range) findings.operators.set(domain === '' ? name : `${domain}::${name}`, range);
    }
  }
  return findings;
}

function common(a: Range, b: Range): Range {
  return [Math.max(a[0], b[0]), Math.min(a[1], b[1])];
}

function write(wasm: Findings, native: Findings): void {
  const opsets: Record<string, Range> = {};
  for (const [domain, range] of wasm.opsets) opsets[domain] = common(range, native.opsets.get(domain) ?? [1, 0]);
  const operators: Record<string, number[]> = {};
  for (const key of [...new Set([...wasm.operators.keys(), ...native.operators.keys()])].sort()) {
    const [a, b] = [wasm.operators.get(key), native.operators.get(key)];
    if (!a || !b || a.join() !== b.join()) console.log(`${key}: wasm ${a ?? 'unknown'}, native ${b ?? 'unknown'}`);
    if (!a || !b) continue;
    const [since, last] = common(a, b);
    const newest = opsets[key.includes('::') ? (key.split('::')[0] ?? '') : '']?.[1];
    if (since <= last) operators[key] = last === newest ? [since] : [since, last];
  }
  const lines = Object.entries(operators).map(([key, range]) => `${JSON.stringify(key)}:${JSON.stringify(range)}`);
  const maxIrVersion = Math.min(wasm.maxIrVersion, native.maxIrVersion);
  const head = `"runtime":${JSON.stringify(runtimeVersion())},"maxIrVersion":${maxIrVersion},"opsets":${JSON.stringify(opsets)}`;
  writeFileSync(OUTPUT, `{${head},"operators":{\n${lines.join(',\n')}\n}}\n`);
  console.log(`IR version ${maxIrVersion}, opsets ${JSON.stringify(opsets)}, ${lines.length} operators`);
}

function runtimeVersion(): string {
  const manifest = new URL('../../node_modules/onnxruntime-web/package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

const names = candidateNames();
console.log(`${names.length} candidate names`);
const wasm = await probe(await wasmRuntime(), names);
const native = await probe(nativeRuntime(), names);
write(wasm, native);
