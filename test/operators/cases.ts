/** ONNX's operator tests on disk: a model each, with inputs and what it is to answer. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '@lepton-edge/protocol';
import onnxProto, { type onnx as Onnx } from 'onnx-proto';
import { readTensorProto } from './tensor-proto.ts';

const { onnx } = onnxProto;

const SUITES = ['node', 'simple', 'pytorch-operator', 'pytorch-converted'];
const RANDOM = /^(Bernoulli|Multinomial|Random)/;
const DATA_SET = 'test_data_set_0';

export interface OperatorCase {
  /** `node/test_abs` */
  name: string;
  onnx: Uint8Array<ArrayBuffer>;
  inputs: Tensor[];
  expected: Tensor[];
  /** Whether it draws numbers, so that only datatypes and shapes can be foreseen. */
  random: boolean;
  /** What of it cannot cross the protocol, in words: there is no data then. */
  foreign?: string;
}

/** @throws Error when the folder is not that of the package. */
export function readCases(data: string): OperatorCase[] {
  return SUITES.flatMap((suite) => {
    const folder = join(data, 'data', suite);
    return readdirSync(folder)
      .sort()
      .map((name) => readCase(join(folder, name), `${suite}/${name}`));
  });
}

export function hasCases(data: string): boolean {
  return SUITES.every((suite) => existsSync(join(data, 'data', suite)));
}

function readCase(folder: string, name: string): OperatorCase {
  const bytes = Uint8Array.from(readFileSync(join(folder, 'model.onnx')));
  const graph = onnx.ModelProto.decode(bytes).graph ?? {};
  // Until IR version 4 every initializer had to be an input, too.
  const weights = new Set(graph.initializer?.map((weight) => weight.name));
  const inputs = (graph.input ?? []).filter((value) => !weights.has(value.name));
  const outputs = graph.output ?? [];
  const foreign = [...inputs, ...outputs].map(foreignKind).find((kind) => kind !== undefined);
  const random = (graph.node ?? []).some(({ opType }) => RANDOM.test(opType ?? ''));
  if (foreign !== undefined) return { name, onnx: bytes, inputs: [], expected: [], random, foreign };
  const read = (role: string, values: Onnx.IValueInfoProto[]) =>
    values.map((value, i) =>
      readTensorProto(readFileSync(join(folder, DATA_SET, `${role}_${i}.pb`)), value.name ?? ''),
    );
  return { name, onnx: bytes, inputs: read('input', inputs), expected: read('output', outputs), random };
}

function foreignKind({ type }: Onnx.IValueInfoProto): string | undefined {
  if (type?.sequenceType) return 'a sequence';
  if (type?.mapType) return 'a map';
  if (type?.optionalType) return 'an optional';
  if (type?.sparseTensorType) return 'a sparse tensor';
  return undefined;
}
