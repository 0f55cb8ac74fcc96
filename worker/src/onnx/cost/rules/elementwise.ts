/** Operators that work element by element, with broadcasting as ONNX defines it (docs/Broadcasting.md). */
import type { Call, Rule } from '../call.ts';
import { BOOL, bounded, broadcastOf, shaped, type Tensor, unbounded, type Value } from '../tensor.ts';
import { isInteger, withValues } from '../values.ts';
import { CHEAP, COSTLY, DEAR, MODERATE, op, SCATTERED, type Table } from './table.ts';

/** A tensor of the size of another. */
export function like({ shape, most }: Tensor, type: number): Tensor {
  return shape ? shaped(type, shape) : bounded(type, most);
}

/** The first output is of the size and type of the first input. */
export const same: Rule = (call) => [like(call.input(0), call.input(0).type)];

function unary(compute: (value: number, call: Call) => Value, type?: number): Rule {
  return (call) => {
    const input = call.input(0);
    const out = like(input, type ?? input.type);
    return [withValues(out, [input], ([value = 0]) => compute(value, call))];
  };
}

/** What ONNX Runtime takes to find the operands of each run of elements that one loop goes through. */
const STEPS_PER_SPAN = 32;

/** All inputs broadcast to one shape. Those that meet differently at each element take far longer than whole rows. */
function together(call: Call, type: number): Tensor {
  const tensors = call.all();
  const out = broadcastOf(type, tensors);
  const shapes = tensors.map(({ shape }) => shape ?? []);
  let span = 1;
  if (out.shape) {
    const stands = (axis: number) => shapes.map((shape) => (shape[axis - rank + shape.length] ?? 1) !== 1);
    const rank = out.shape.length;
    let pattern: boolean[] | undefined;
    for (let axis = rank - 1; axis >= 0; axis -= 1) {
      if (out.shape[axis] === 1) continue;
      const here = stands(axis);
      if (pattern && here.some((stood, index) => stood !== pattern?.[index])) break;
      pattern = here;
      span *= Math.max(1, out.shape[axis] ?? 1);
    }
  }
  call.macs(Math.ceil(out.most / span), STEPS_PER_SPAN, Math.max(1, tensors.length - 1));
  return out;
}

/** `compute` folds two values; operators with more inputs take them one after the other. */
function nary(compute: (left: number, right: number, type: number) => Value, type?: number): Rule {
  return (call) => {
    const inputs = call.all();
    const own = call.input(0).type;
    const out = together(call, type ?? own);
    if (inputs.length > 2) return [out];
    return [withValues(out, inputs, ([left = 0, right]) => (right === undefined ? left : compute(left, right, own)))];
  };
}

/** Shapes only. */
const broadcasting: Rule = (call) => [together(call, call.input(0).type)];

function divide(left: number, right: number, type: number): Value {
  if (right === 0) return undefined;
  return isInteger(type) ? Math.trunc(left / right) : left / right;
}

const mod: Rule = (call) => {
  const truncating = call.int('fmod', 0) === 1;
  return nary((left, right, type) => {
    if (right === 0 || !isInteger(type)) return undefined;
    const rest = left % right;
    return truncating || rest === 0 || rest < 0 === right < 0 ? rest : rest + right;
  })(call);
};

const where: Rule = (call) => {
  const [condition, yes, no] = [call.input(0), call.input(1), call.input(2)];
  const out = together(call, yes.type);
  return [withValues(out, [condition, yes, no], ([chosen, left, right]) => (chosen ? left : right))];
};

const cast: Rule = (call) => {
  const to = call.opset < 6 ? unbounded('its type is a text before opset 6') : call.int('to');
  return [converted(call.input(0), to)];
};

function converted(input: Tensor, to: number): Tensor {
  return withValues(like(input, to), [input], ([value = 0]) => {
    if (to === BOOL) return value === 0 ? 0 : 1;
    return isInteger(to) ? Math.trunc(value) : value;
  });
}

const castLike: Rule = (call) => [converted(call.input(0), call.input(1).type)];

const clip: Rule = (call) => [like(call.input(0), call.input(0).type)];

/** The second output is a mask. */
const dropout: Rule = (call) => [like(call.input(0), call.input(0).type), like(call.input(0), call.input(0).type)];

const shrinkable = ['Elu', 'Selu', 'Celu', 'Softplus', 'Sigmoid', 'Tanh', 'Erf', 'Exp', 'Log', 'Mish', 'Gelu', 'Swish'];
const circular = ['Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh'];
const plain = ['Relu', 'LeakyRelu', 'ThresholdedRelu', 'HardSigmoid', 'HardSwish', 'Softsign', 'Shrink'];
const bits = ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'BitShift'];
const microsoft = ['Gelu', 'FastGelu', 'QuickGelu', 'BiasGelu'].map((name) => `com.microsoft::${name}`);

export const ELEMENTWISE: Table = {
  ...Object.fromEntries(shrinkable.map((name) => [name, op(same, COSTLY)])),
  ...Object.fromEntries(circular.map((name) => [name, op(same, DEAR)])),
  ...Object.fromEntries(plain.map((name) => [name, op(same, CHEAP)])),
  ...Object.fromEntries(bits.map((name) => [name, op(broadcasting, CHEAP)])),
  ...Object.fromEntries(microsoft.map((name) => [name, op(same, COSTLY)])),
  Add: op(nary((left, right) => left + right)),
  Sub: op(nary((left, right) => left - right)),
  Mul: op(nary((left, right) => left * right)),
  Div: op(nary(divide), MODERATE),
  Mod: op(mod, COSTLY),
  Pow: op(broadcasting, DEAR),
  Max: op(nary(Math.max)),
  Min: op(nary(Math.min)),
  Sum: op(broadcasting),
  Mean: op(broadcasting),
  PRelu: op(broadcasting, SCATTERED),
  Where: op(where, MODERATE),
  Equal: op(nary((left, right) => Number(left === right), BOOL)),
  Greater: op(nary((left, right) => Number(left > right), BOOL)),
  GreaterOrEqual: op(nary((left, right) => Number(left >= right), BOOL)),
  Less: op(nary((left, right) => Number(left < right), BOOL)),
  LessOrEqual: op(nary((left, right) => Number(left <= right), BOOL)),
  And: op(nary((left, right) => left & right, BOOL)),
  Or: op(nary((left, right) => left | right, BOOL)),
  Xor: op(nary((left, right) => left ^ right, BOOL)),
  Not: op(unary((value) => Number(!value), BOOL)),
  Neg: op(unary((value) => -value)),
  Abs: op(unary(Math.abs)),
  Sign: op(unary(Math.sign), MODERATE),
  Floor: op(unary(Math.floor)),
  Ceil: op(unary(Math.ceil)),
  Round: op(same, MODERATE),
  Sqrt: op(
    unary((value) => Math.sqrt(value)),
    MODERATE,
  ),
  Reciprocal: op(
    unary((value) => divide(1, value, 0)),
    MODERATE,
  ),
  IsNaN: op((call) => [like(call.input(0), BOOL)]),
  IsInf: op((call) => [like(call.input(0), BOOL)]),
  BitwiseNot: op(same),
  Clip: op(clip, MODERATE),
  Trilu: op(same, MODERATE),
  Cast: op(cast, SCATTERED),
  CastLike: op(castLike, SCATTERED),
  Dropout: op(dropout),
  Bernoulli: op((call) => [like(call.input(0), call.int('dtype', call.input(0).type))], DEAR),
  CumSum: op(same, MODERATE),
  'com.microsoft::BiasAdd': op(broadcasting),
};
