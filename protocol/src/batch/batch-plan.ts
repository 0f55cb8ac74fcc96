/** How requests for one loaded model may share a run: along which axes, how many, and after what wait. Pure. */
import { type BatchAxes, batchAxes } from '../trial/batch.ts';
import type { Admission, Manifest, TensorSpec } from '../versions.ts';

/** Sizes that may differ within a batch: shorter ones are filled up along this axis. */
interface Padding {
  axis: number;
  value: number;
}

export interface BatchPlan {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Of every tensor that has items; the others must be the same for all that share a run. */
  readonly axes: BatchAxes;
  readonly maxItems: number;
  readonly maxDelayMs: number;
  /** By tensor, of those that can be; of an output it says that the axis is cut to the request's own length again. */
  readonly pad: ReadonlyMap<string, Padding>;
  /** Set once a shared run has shown that its outputs do not count items as said: from then on each request runs alone. */
  withdrawn: boolean;
}

/** What was found out of a model: the node's report counts, else the edge's. */
type Measured = Pick<Admission, 'node' | 'edge' | 'batching'>;

export type Batchable = Pick<Manifest, 'inputs' | 'outputs' | 'batching' | 'stateful'>;

/** Admission measures no further than this; where items still got cheaper there, larger batches are taken to be so, too. */
const MEASURED_ITEMS = 8;
const MAX_MEASURED_DEFAULT = 64;
/** A batch that nobody asked for keeps those behind it waiting no longer than about this. */
const MAX_RUN_MS = 100;

/**
 * Undefined: every request runs alone. Batches are made where the manifest asks for them, or where admission measured that they
 * change no answer and make items cheaper; never where it measured that they change answers.
 */
export function batchPlan(manifest: Batchable, admission?: Measured): BatchPlan | undefined {
  const { inputs, outputs, batching, stateful } = manifest;
  const report = admission?.node ?? admission?.edge;
  if (stateful || report?.batchInvariant === false) return undefined;
  const maxItems = batching?.maxBatchSize ?? measuredItems(admission);
  const axes = batchAxes(manifest);
  if (maxItems < 2 || !axes || !fits(axes, inputs, outputs)) return undefined;
  const pad = padOf(manifest, axes);
  return { inputs, outputs, axes, maxItems, maxDelayMs: batching?.maxDelayMs ?? 0, pad, withdrawn: false };
}

/** As stated, of tensors that have items, along a free axis that counts none of them; an input is filled up with numbers only. */
function padOf({ inputs, outputs, batching }: Batchable, axes: BatchAxes): BatchPlan['pad'] {
  const isOther = ({ datatype }: TensorSpec) => datatype === 'BYTES' || datatype === 'BF16';
  const specs = new Map([...outputs, ...inputs].map((spec) => [spec.name, spec]));
  for (const { name } of inputs.filter(isOther)) specs.delete(name);
  const stated = Object.entries(batching?.pad ?? {});
  return new Map(
    stated.filter(
      ([name, { axis }]) => axes.has(name) && axis !== axes.get(name) && specs.get(name)?.shape[axis] === -1,
    ),
  );
}

function measuredItems(admission: Measured | undefined): number {
  const report = admission?.node ?? admission?.edge;
  const measured = admission?.batching?.maxBatchSize ?? 1;
  if (!report?.batchInvariant || measured < MEASURED_ITEMS) return report?.batchInvariant ? measured : 1;
  const perItemMs = report.perItemMs[measured] ?? 0;
  const within = perItemMs > 0 ? Math.floor(MAX_RUN_MS / perItemMs) : MAX_MEASURED_DEFAULT;
  return Math.max(measured, Math.min(MAX_MEASURED_DEFAULT, within));
}

/** Whether every axis that is to count items is there and free, and there is one among the inputs. */
function fits(axes: BatchAxes, inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): boolean {
  const specs = new Map([...inputs, ...outputs].map((spec) => [spec.name, spec]));
  return (
    inputs.some(({ name }) => axes.has(name)) && [...axes].every(([name, axis]) => specs.get(name)?.shape[axis] === -1)
  );
}
