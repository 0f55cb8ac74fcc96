/** What the node and an adapter's process say to each other, one answer a question, in order. */
import type { ModelSource, TensorInfo } from '../engine.ts';

export type Question =
  /** `survey`: ONNX Runtime writes on stderr, among much else, which nodes run where. */
  | { kind: 'load'; session: number; source: Pick<ModelSource, 'path' | 'format'>; survey: boolean }
  /** The inputs are the tensors of the frame. */
  | { kind: 'run'; session: number; outputs: readonly string[] }
  | { kind: 'release'; session: number }
  /** Has no answer: the process ends. */
  | { kind: 'end' };

export type Answer =
  | { kind: 'ready'; inputs: TensorInfo[]; outputs: TensorInfo[] }
  /** The outputs are the tensors of the frame. */
  | { kind: 'result'; runMs: number }
  | { kind: 'released' }
  /** ONNX Runtime's sentence on what it did not do. */
  | { kind: 'refused'; message: string };
