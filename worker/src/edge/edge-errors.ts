/** What goes wrong inside ONNX Runtime at the edge, and what it is told as. */
import { LeptonError } from '@lepton-edge/protocol';
import type { Ort } from './ort.ts';

/** The model has stopped the runtime; several requests may be told of it. */
export class Stopped extends LeptonError {
  constructor(cause: unknown) {
    super('no_placement', 'ONNX Runtime stopped while running this model at the edge', { cause });
  }
}

/** Another model stopped the runtime meanwhile. */
export function interrupted(): LeptonError {
  return new LeptonError('no_placement', 'the edge was interrupted by another model: try again', {
    retryAfterSeconds: 1,
  });
}

export function cannotLoad(cause: unknown): LeptonError {
  if (cause instanceof LeptonError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new LeptonError('no_placement', `the edge cannot load this model: ${message}`, { cause });
}

export function cannotRun(cause: unknown): LeptonError {
  if (cause instanceof LeptonError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return isOutOfMemory(cause)
    ? new LeptonError('no_placement', `the edge has no memory for this run now: ${message}`, {
        cause,
        retryAfterSeconds: 1,
      })
    : new LeptonError('inference_failed', `the model refused its inputs: ${message}`, { cause });
}

/** Making a session of these bytes fails either way: for want of memory, or else because they are no model. */
export async function canAllocate(ort: Ort, bytes: number): Promise<boolean> {
  try {
    const session = await ort.api.InferenceSession.create(new Uint8Array(bytes), {
      executionProviders: ['wasm'],
      logSeverityLevel: 4,
    });
    await session.release();
    return true;
  } catch (error) {
    return !isOutOfMemory(error);
  }
}

export function isOutOfMemory(error: unknown): boolean {
  return /bad_alloc|out of memory|failed to allocate/i.test(String(error));
}
