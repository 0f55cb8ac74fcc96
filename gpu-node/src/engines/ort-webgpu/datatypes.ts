/** Which tensors an adapter takes and gives. */
import type { Datatype } from '@lepton-edge/protocol';
import { EngineError, type EngineFailure } from '../engine.ts';

/** 16 bit floats come back broken from the adapter; the others are rare in models and have not been tried there. */
const DATATYPES: ReadonlySet<Datatype> = new Set(['FP32', 'INT32', 'INT64', 'UINT32', 'INT8', 'UINT8', 'BOOL']);

/** @throws EngineError of this failure, naming the first tensor that cannot be on an adapter */
export function checkDatatypes(
  tensors: readonly { name: string; datatype: Datatype }[],
  kind: 'input' | 'output',
  failure: EngineFailure,
): void {
  for (const { name, datatype } of tensors) {
    if (DATATYPES.has(datatype)) continue;
    const expected = [...DATATYPES].join(', ');
    throw new EngineError(failure, `${kind} ${JSON.stringify(name)} is ${datatype}: expected one of ${expected}`);
  }
}
