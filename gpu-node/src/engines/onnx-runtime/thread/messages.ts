/** What the node and a model's worker thread say to each other. */
import type { ModelSource, TensorInfo } from '../../engine.ts';
import type { WireTensor } from '../tensors.ts';

/** Handed to the thread at its start. */
export interface WorkerInput extends Pick<ModelSource, 'label' | 'format' | 'path'> {
  /** On which a run is. */
  threads: number;
  /** What the GPU lacks runs on the CPU. */
  executionProvider: 'cpu' | 'cuda';
}

export type ToWorker =
  | { kind: 'run'; id: number; inputs: WireTensor[]; outputs: readonly string[] }
  /** Comes after the last run; the thread frees the session and ends. */
  | { kind: 'close' };

export type FromWorker =
  | { kind: 'ready'; inputs: TensorInfo[]; outputs: TensorInfo[] }
  /** The model cannot be loaded; the thread ends. */
  | { kind: 'failed'; message: string }
  | { kind: 'result'; id: number; outputs: WireTensor[]; runMs: number }
  | { kind: 'refused'; id: number; message: string };
