/** What the form of one input holds, and the tensor it makes. */
import { checkInputs, jsonTensor, parseJson, type Tensor, type TensorSpec } from '@lepton-edge/protocol';
import { countOf, type Filling, fill, firstShape, parseShape } from './sample-input.ts';

/** More elements than this are made when they are sent, not shown for editing. */
const EDITABLE_ELEMENTS = 2048;

export interface InputState {
  /** As typed: `1, 3, 48`. */
  shape: string;
  /** `own`: what the reader typed; a new shape leaves it alone. */
  filling: Filling | 'own';
  seed: number;
  /** JSON; empty where it is made when it is sent. */
  data: string;
}

export function firstState(spec: TensorSpec): InputState {
  return refilled(spec, { shape: firstShape(spec).join(', '), filling: 'ramp', seed: 1, data: '' });
}

/** The state with data as its shape and filling have it; own data stays. */
export function refilled(spec: TensorSpec, state: InputState): InputState {
  const shape = parseShape(state.shape);
  if (state.filling === 'own' || !shape) return state;
  if (countOf(shape) > EDITABLE_ELEMENTS) return { ...state, data: '' };
  return { ...state, data: JSON.stringify(fill(spec.datatype, shape, state.filling, state.seed)) };
}

/** The number of elements made when they are sent, or undefined where the data can be edited. */
export function generatedCount({ shape: text, filling }: InputState): number | undefined {
  const shape = parseShape(text);
  if (!shape || filling === 'own') return undefined;
  const count = countOf(shape);
  return count > EDITABLE_ELEMENTS ? count : undefined;
}

/** @throws Error that says what of the shape or the data cannot be sent. */
export function tensorOf(spec: TensorSpec, state: InputState): Tensor {
  const shape = parseShape(state.shape);
  const subject = `input "${spec.name}"`;
  if (!shape) throw new Error(`${subject}: expected a shape such as 1, 3, 48, got ${state.shape}`);
  const { name, datatype } = spec;
  if (state.filling !== 'own' && generatedCount(state) !== undefined) {
    return jsonTensor({ name, datatype, shape, data: fill(datatype, shape, state.filling, state.seed) }, subject);
  }
  const data = dataOf(state.data, subject);
  const isBareScalar = shape.length === 0 && !Array.isArray(data);
  return jsonTensor({ name, datatype, shape, data: isBareScalar ? [data] : data }, subject);
}

function dataOf(text: string, subject: string): unknown {
  try {
    return parseJson(new TextEncoder().encode(text));
  } catch (cause) {
    throw new Error(`${subject}: expected JSON, an array such as [0, 1, 2]`, { cause });
  }
}

/** Why the gateway would refuse the shape. */
export function shapeProblem(spec: TensorSpec, { shape: text }: InputState): string | undefined {
  const shape = parseShape(text);
  if (!shape) return 'expected sizes such as 1, 3, 48';
  return sentenceOf(() => checkInputs([{ name: spec.name, datatype: spec.datatype, shape, data: [] }], [spec]));
}

/** Why the data is no tensor of the shape; undefined as well while there is no shape. */
export function dataProblem(spec: TensorSpec, state: InputState): string | undefined {
  if (!parseShape(state.shape) || generatedCount(state) !== undefined) return undefined;
  return sentenceOf(() => tensorOf(spec, state));
}

function sentenceOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
