/** A version for people: where it may run, and what its admission measured. */
import type { Admission, EngineTrial, TrialFailure, TrialReport, Version } from '@lepton-edge/protocol';
import { bytesText, fields, msText, oneLine, timeText } from '../text.ts';

const FAILURES: Record<TrialFailure['kind'], string> = {
  load: 'it cannot be loaded',
  inputs: 'it refused the generated inputs',
  memory: 'it needs more memory than there is',
  stopped: 'its run had to be stopped',
};

const ENGINE_OUTCOMES: Record<EngineTrial['outcome'], string> = {
  ran: 'ran',
  differs: 'answers otherwise: not run there',
  refused: 'not taken',
  failed: 'failed: not run there',
};

export function versionText(version: Version): string {
  const { manifest, admission } = version;
  const head = fields([
    ['version', `${version.model}@${version.version}`],
    ['state', version.reason ? `${version.state}: ${version.reason}` : version.state],
    ['digest', version.digest],
    ['size', bytesText(version.sizeBytes)],
    ['files', manifest.files.map(({ path, sizeBytes }) => `${path} (${bytesText(sizeBytes)})`).join(', ')],
    ['inputs', signature(manifest.inputs)],
    ['outputs', signature(manifest.outputs)],
    ['placement', placementText(manifest.placement)],
    ['created', `${timeText(version.createdAt)} by ${version.createdBy}`],
  ]);
  return admission ? `${head}\n\n${admissionText(admission)}` : head;
}

/** What admission found: where it may run, what it costs there, notes. */
function admissionText(admission: Admission): string {
  const { edge, edgeFailure, node, nodeFailure, batching, inspection, notes } = admission;
  const edgeAnswer = admission.edgeEligible ? 'yes' : `no: ${admission.edgeReason ?? 'the gateway gave no reason'}`;
  const facts = fields([
    ['runs at the edge', edgeAnswer],
    ['  not measured', edgeFailure && failureText(edgeFailure)],
    ['  measured', edge && trialText(edge)],
    ['  per item', edge && perItemText(edge)],
    ['  memory', edge?.wasmBytes === undefined ? undefined : bytesText(edge.wasmBytes)],
    ['  batches', edge && batchText(edge)],
    ['runs on nodes', nodesText(admission)],
    ['  not measured', nodeFailure && failureText(nodeFailure)],
    ['  measured', node && trialText(node)],
    ['  per item', node && perItemText(node)],
    ['  batches', node && batchText(node)],
    ...enginesOf(node),
    ['batching', batching && `up to ${batching.maxBatchSize} items, unless the manifest says otherwise`],
    ['work', admission.multiplyAdds === undefined ? undefined : `${countText(admission.multiplyAdds)} multiply-adds`],
    ['parameters', inspection && countText(inspection.parameterCount)],
    ['repeats', repeatText(edge ?? node)],
  ]);
  if (notes.length === 0) return facts;
  return `${facts}\n\nnotes\n${notes.map((note) => `  - ${oneLine(note)}`).join('\n')}`;
}

function nodesText({ node, nodeFailure }: Admission): string {
  if (node) return `tried on ${node.where}`;
  return nodeFailure ? 'tried' : 'not tried: the first node that gets it will load it';
}

function failureText({ kind, message }: TrialFailure): string {
  return `${FAILURES[kind]}: ${message}`;
}

function trialText({ engine, loadMs, runMs }: TrialReport): string {
  return `load ${msText(loadMs)}, run ${msText(runMs)} (${engine})`;
}

/** What engines beside the node's CPU made of it. */
function enginesOf(node: TrialReport | undefined): [string, string][] {
  return (node?.engines ?? []).map(({ engine, outcome, reason, loadMs, runMs, maxDifference }) => {
    const times =
      runMs === undefined || loadMs === undefined ? undefined : `load ${msText(loadMs)}, run ${msText(runMs)}`;
    const difference = maxDifference === undefined ? undefined : `up to ${maxDifference} from the CPU's answer`;
    const details = [times, difference, reason && oneLine(reason)].filter((part) => part !== undefined);
    return [`  ${engine}`, [ENGINE_OUTCOMES[outcome], ...details].join(', ')];
  });
}

/** `4 ms in a batch of 1, 1.5 ms in a batch of 4` */
function perItemText({ perItemMs }: TrialReport): string | undefined {
  const sizes = Object.entries(perItemMs).sort(([a], [b]) => Number(a) - Number(b));
  if (sizes.length === 0) return undefined;
  return sizes.map(([size, ms]) => `${msText(ms)} in a batch of ${size}`).join(', ');
}

function batchText({ batchInvariant }: TrialReport): string {
  if (batchInvariant === undefined) return 'it has no batch axis';
  return batchInvariant ? 'answer as single runs do' : 'answer otherwise than single runs: it is run one by one';
}

function repeatText(trial: TrialReport | undefined): string | undefined {
  if (!trial) return undefined;
  return trial.deterministic ? 'two runs agree to the bit' : 'two runs differ: answers are not cached';
}

function signature(specs: readonly { name: string; datatype: string; shape: readonly number[] }[]): string {
  const shapes = specs.map(
    ({ name, datatype, shape }) => `${name} ${datatype} [${shape.map((size) => (size < 0 ? '?' : size)).join(',')}]`,
  );
  return shapes.join(', ');
}

function placementText({ policy, regions }: Version['manifest']['placement']): string {
  return regions && regions.length > 0 ? `${policy}, in ${regions.join(', ')}` : policy;
}

/** `1.2 G` */
function countText(count: number): string {
  const units = ['', ' k', ' M', ' G', ' T'];
  let value = count;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit += 1) value /= 1000;
  return `${unit === 0 ? value : Number(value.toPrecision(3))}${units[unit]}`;
}
