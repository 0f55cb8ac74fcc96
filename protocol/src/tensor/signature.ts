/** Checks the tensors of a request against a model's signature, in sentences that say what was expected and what came. */
import { LeptonError } from '../errors.ts';
import type { TensorSpec } from '../versions.ts';
import { shapeText, type Tensor } from './tensor.ts';

/** @throws LeptonError `invalid_tensor` naming the first input that does not fit. */
export function checkInputs(inputs: readonly Tensor[], specs: readonly TensorSpec[]): void {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const seen = new Set<string>();
  for (const input of inputs) {
    const spec = byName.get(input.name);
    if (!spec) fail(`the model has no input ${JSON.stringify(input.name)}: expected ${specsText(specs)}`);
    if (seen.has(input.name)) fail(`input ${JSON.stringify(input.name)} is given twice`);
    seen.add(input.name);
    if (input.datatype !== spec.datatype || !fits(input.shape, spec.shape)) {
      const expected = `${spec.datatype} ${shapeText(spec.shape)}`;
      const got = `${input.datatype} ${shapeText(input.shape)}`;
      fail(`input ${JSON.stringify(input.name)}: expected ${expected}, got ${got}`);
    }
  }
  const missing = specs.filter((spec) => !seen.has(spec.name));
  if (missing.length > 0) fail(`missing ${specsText(missing)}: expected ${specsText(specs)}`);
}

/** @throws LeptonError `invalid_tensor` when an output is asked for that the model does not have, or twice. */
export function checkOutputs(names: readonly string[], specs: readonly TensorSpec[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (!specs.some((spec) => spec.name === name)) {
      fail(`the model has no output ${JSON.stringify(name)}: expected some of ${specsText(specs)}`);
    }
    if (seen.has(name)) fail(`output ${JSON.stringify(name)} is asked for twice`);
    seen.add(name);
  }
}

function fits(shape: readonly number[], spec: readonly number[]): boolean {
  return shape.length === spec.length && spec.every((size, axis) => size === -1 || size === shape[axis]);
}

/** `"x" FP32 [-1,3], "y" INT64 []` */
export function specsText(specs: readonly TensorSpec[]): string {
  return specs.map((spec) => `${JSON.stringify(spec.name)} ${spec.datatype} ${shapeText(spec.shape)}`).join(', ');
}

function fail(message: string): never {
  throw new LeptonError('invalid_tensor', message);
}
