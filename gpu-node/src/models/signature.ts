/** What a version takes and gives: as its manifest states it, or as its file does where that is silent. Pure. */
import type { Manifest, TensorSpec } from '@lepton-edge/protocol';
import type { Instance } from '../engines/engine.ts';

/** @returns the manifest, with the file's own inputs and outputs where it states none */
export function withSignature(manifest: Manifest, { inputs, outputs }: Pick<Instance, 'inputs' | 'outputs'>): Manifest {
  return {
    ...manifest,
    inputs: manifest.inputs.length > 0 ? manifest.inputs : [...inputs],
    outputs: manifest.outputs.length > 0 ? manifest.outputs : [...outputs],
  };
}

/** @returns a sentence on the first thing that a manifest states and the loaded file has otherwise */
export function disagreement(
  manifest: Pick<Manifest, 'inputs' | 'outputs'>,
  instance: Pick<Instance, 'inputs' | 'outputs'>,
): string | undefined {
  return compare('input', manifest.inputs, instance.inputs) ?? compare('output', manifest.outputs, instance.outputs);
}

function compare(kind: string, stated: readonly TensorSpec[], found: readonly TensorSpec[]): string | undefined {
  if (stated.length === 0) return undefined;
  for (const spec of stated) {
    const actual = found.find(({ name }) => name === spec.name);
    if (!actual) return `its manifest states the ${kind} ${JSON.stringify(spec.name)}, which the file does not have`;
    if (actual.datatype !== spec.datatype) {
      return `its manifest states the ${kind} ${JSON.stringify(spec.name)} as ${spec.datatype}, the file has ${actual.datatype}`;
    }
  }
  const unstated = kind === 'input' ? found.find(({ name }) => stated.every((spec) => spec.name !== name)) : undefined;
  return unstated && `its manifest does not state the input ${JSON.stringify(unstated.name)}, which the file needs`;
}
