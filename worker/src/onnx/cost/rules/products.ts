/** Matrix products in all their forms: MatMul as numpy defines it, Gemm, Einsum and the quantized ones. */
import type { Call, Rule } from '../call.ts';
import { bounded, broadcast, INT32, plus, shaped, type Tensor, times, unbounded } from '../tensor.ts';
import { DEAR, mover, op, type Table } from './table.ts';

const STEPS_PER_MATRIX = 64;

interface Product {
  left: number;
  right: number;
  type?: number;
  transposeLeft?: boolean;
  transposeRight?: boolean;
}

/** Inputs `left` and `right` multiplied; the last two axes are matrices, those before are broadcast. */
function product(call: Call, { left, right, type, transposeLeft, transposeRight }: Product): Tensor {
  const to = type ?? call.input(left).type;
  const b = call.input(right).shape;
  const a = call.input(left).shape;
  if (!a && b?.length === 2 && !transposeLeft) return rowsTimes(call, call.input(left), b, to, transposeRight);
  const first = matrices(call.shape(left), transposeLeft);
  const second = matrices(call.shape(right), transposeRight);
  const [rows = 1, inner = 1] = (a?.length ?? 0) === 1 ? [1, a?.[0]] : first.matrix;
  const [depth = 1, columns = 1] = b?.length === 1 ? [b[0], 1] : second.matrix;
  if (inner !== depth) unbounded(`it multiplies [${call.shape(left).join(', ')}] by [${call.shape(right).join(', ')}]`);
  const batch = broadcast([first.batch, second.batch]);
  call.macs(...batch, rows, inner, columns);
  // Each pair of matrices is a call of its own.
  call.macs(times(...batch), STEPS_PER_MATRIX);
  return shaped(to, [...batch, ...(a?.length === 1 ? [] : [rows]), ...(b?.length === 1 ? [] : [columns])]);
}

function matrices(shape: readonly number[], transpose = false) {
  if (shape.length === 0 || (shape.length === 1 && transpose)) unbounded('it multiplies a scalar');
  const matrix = shape.slice(-2);
  return { batch: shape.slice(0, -2), matrix: transpose ? matrix.reverse() : matrix };
}

/** Some tensor times a matrix: each of its elements meets each column. */
function rowsTimes(call: Call, { most }: Tensor, shape: readonly number[], type: number, transpose = false): Tensor {
  const [inner = 1, columns = 1] = transpose ? [...shape].reverse() : shape;
  if (inner === 0) unbounded('it multiplies nothing');
  call.macs(most, Math.max(1, columns));
  return bounded(type, times(Math.floor(most / inner), Math.max(1, columns)));
}

function matMul(left: number, right: number, type?: number): Rule {
  return (call) => [product(call, type === undefined ? { left, right } : { left, right, type })];
}

const gemm = (right: number): Rule => {
  return (call) => {
    call.shapeOfRank(right, 2);
    if (call.input(0).shape) call.shapeOfRank(0, 2);
    const [transposeLeft, transposeRight] = [call.int('transA', 0) !== 0, call.int('transB', 0) !== 0];
    return [product(call, { left: 0, right, transposeLeft, transposeRight })];
  };
};

const fusedMatMul: Rule = (call) => {
  if (call.int('transBatchA', 0) !== 0 || call.int('transBatchB', 0) !== 0) unbounded('it transposes its batches');
  const [transposeLeft, transposeRight] = [call.int('transA', 0) !== 0, call.int('transB', 0) !== 0];
  return [product(call, { left: 0, right: 1, transposeLeft, transposeRight })];
};

/** The weights are unpacked first, as often as there are weights. */
const nBits: Rule = (call) => {
  const [inner, columns] = [call.int('K'), call.int('N')];
  const shape = call.shape(0);
  if (shape.at(-1) !== inner || inner < 1) unbounded(`it multiplies [${shape.join(', ')}] by ${inner}×${columns}`);
  call.macs(...shape, columns);
  call.macs(inner, columns, 4);
  call.scratch(inner, columns, 4);
  return [shaped(call.input(0).type, [...shape.slice(0, -1), columns])];
};

/** Without broadcasting: every index that is named is counted through, once for each operand. */
const einsum: Rule = (call) => {
  const equation = call.text('equation', '').replaceAll(' ', '');
  const parts = /^([A-Za-z]*(?:,[A-Za-z]*)*)->([A-Za-z]*)$/.exec(equation);
  if (!parts) return unbounded('its equation is not of the plain form "ij,jk->ik"');
  const [, left = '', right = ''] = parts;
  const terms = left.split(',');
  if (terms.length !== call.inputs.length) unbounded(`its equation has ${terms.length} terms`);
  const sizes = new Map<string, number>();
  for (const [index, term] of terms.entries()) {
    for (const [axis, dim] of call.shapeOfRank(index, term.length).entries()) {
      const label = term[axis] ?? '';
      const known = sizes.get(label) ?? dim;
      if (known !== dim) unbounded(`its index ${label} is of size ${known} and ${dim}`);
      sizes.set(label, dim);
    }
  }
  const all = times(...sizes.values());
  call.macs(all, terms.length);
  if (terms.length > 2) call.scratch(all, 4);
  const dims = [...right].map((label) => sizes.get(label) ?? unbounded(`its index ${label} is of no size`));
  return [shaped(call.input(0).type, dims)];
};

const determinant: Rule = (call) => {
  const shape = call.shape(0);
  const size = shape.at(-1) ?? unbounded('it is given a scalar');
  call.macs(...shape, size);
  return [shaped(call.input(0).type, shape.slice(0, -2))];
};

/** Half of all transforms at worst, each as a plain sum: no fast transform takes more. */
const dft: Rule = (call) => {
  const shape = call.shape(0);
  const rank = shape.length;
  const given = call.opset < 20 ? call.int('axis', 1) : call.has(2) ? call.value(2) : -2;
  const axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank - 1 || rank < 2) unbounded(`it transforms axis ${given} of rank ${rank}`);
  if (call.int('inverse', 0) !== 0 && call.int('onesided', 0) !== 0) unbounded('it is one-sided and inverse');
  const length = call.has(1) ? call.value(1) : (shape[axis] ?? 0);
  const bins = call.int('onesided', 0) === 0 ? length : Math.floor(length / 2) + 1;
  const rest = times(...shape.map((dim, index) => (index === axis || index === rank - 1 ? 1 : Math.max(1, dim))));
  call.macs(rest, Math.max(1, length), Math.max(64, length), 4);
  const dims = shape.map((dim, index) => (index === axis ? bins : index === rank - 1 ? 2 : dim));
  return [shaped(call.input(0).type, dims)];
};

const stft: Rule = (call) => {
  const [batch = 0, samples = 0] = call.shape(0);
  const step = call.value(1);
  const length = call.has(3) ? call.value(3) : (call.shapeOfRank(2, 1)[0] ?? 0);
  if (step < 1 || length < 1 || length > samples) unbounded(`it takes ${length} of ${samples} in steps of ${step}`);
  const frames = Math.floor((samples - length) / step) + 1;
  const bins = call.int('onesided', 1) === 0 ? length : Math.floor(length / 2) + 1;
  call.macs(plus(1, batch), frames, length, Math.max(64, length), 4);
  return [shaped(call.input(0).type, [batch, frames, bins, 2])];
};

export const PRODUCTS: Table = {
  MatMul: mover(matMul(0, 1), 2),
  Gemm: mover(gemm(1), 2),
  Einsum: op(einsum, DEAR),
  Det: op(determinant, DEAR),
  DFT: op(dft),
  STFT: op(stft),
  MatMulInteger: mover(matMul(0, 1, INT32)),
  QLinearMatMul: mover((call) => [product(call, { left: 0, right: 3, type: call.input(7).type })]),
  'com.microsoft::FusedMatMul': mover(fusedMatMul, 2),
  'com.microsoft::TransposeMatMul': mover(fusedMatMul, 2),
  'com.microsoft::FusedGemm': mover(gemm(1), 2),
  'com.microsoft::QGemm': mover((call) => [{ ...gemm(3)(call)[0], type: 0 } as Tensor]),
  'com.microsoft::MatMulNBits': mover(nBits),
  'com.microsoft::MatMulIntegerToFloat': mover(matMul(0, 1, 1)),
  'com.microsoft::DynamicQuantizeMatMul': mover(matMul(0, 1, 1)),
  'com.microsoft::MatMulInteger16': mover(matMul(0, 1, INT32)),
};
