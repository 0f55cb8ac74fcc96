/** Operators that slide a window over an image: convolutions and pools. The formulas are those of the ONNX operator specification. */
import type { Call, Rule } from '../call.ts';
import { INT32, INT64, shaped, type Tensor, unbounded } from '../tensor.ts';
import { COSTLY, MODERATE, mover, type Operator, op, type Table } from './table.ts';

interface Window {
  kernel: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  /** Begins of all axes, then the ends. */
  pads: readonly number[];
  autoPad: string;
}

function windowOf(call: Call, kernel: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  const window = {
    kernel,
    strides: call.ints('strides') ?? ones,
    dilations: call.ints('dilations') ?? ones,
    pads: call.ints('pads') ?? [...kernel, ...kernel].fill(0),
    autoPad: call.text('auto_pad', 'NOTSET'),
  };
  const { strides, dilations, pads } = window;
  const fits =
    strides.length === kernel.length && dilations.length === kernel.length && pads.length === 2 * kernel.length;
  const positive = [...kernel, ...strides, ...dilations].every((value) => value >= 1);
  if (!fits || !positive || pads.some((pad) => pad < 0)) unbounded('its window does not fit its image');
  return window;
}

/** How often the window fits along one axis. */
function placesOf({ kernel, strides, dilations, pads, autoPad }: Window, axis: number, size: number, ceil: boolean) {
  const stride = strides[axis] ?? 1;
  const dilation = dilations[axis] ?? 1;
  const extent = dilation * ((kernel[axis] ?? 1) - 1) + 1;
  if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
    if (dilation !== 1) unbounded(`it is dilated with auto_pad ${autoPad}`);
    return Math.ceil(size / stride);
  }
  if (autoPad !== 'NOTSET' && autoPad !== 'VALID') unbounded('its auto_pad is none that ONNX knows');
  const begin = autoPad === 'VALID' ? 0 : (pads[axis] ?? 0);
  const end = autoPad === 'VALID' ? 0 : (pads[axis + kernel.length] ?? 0);
  const steps = (size + begin + end - extent) / stride;
  const places = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // Runtimes disagree about a window that begins behind the image.
  if (ceil && places > Math.floor(steps) + 1 && (places - 1) * stride >= size + begin) {
    unbounded('with ceil_mode its last window begins behind the image');
  }
  if (places < 1) unbounded(`its window of ${extent} does not fit into ${size}`);
  return places;
}

/** Image at input 0, weights at input `at`. */
function convolution(at: number, type?: number): Rule {
  return (call) => {
    const [n = 0, c = 0, ...image] = call.shape(0);
    const [m = 0, perGroup = 0, ...kernel] = call.shape(at);
    const group = call.int('group', 1);
    const told = call.ints('kernel_shape') ?? kernel;
    if (image.length === 0 || kernel.length !== image.length || told.some((size, axis) => size !== kernel[axis])) {
      unbounded(`its weights [${call.shape(at).join(', ')}] do not fit [${call.shape(0).join(', ')}]`);
    }
    if (group < 1 || c !== perGroup * group || m % group !== 0) unbounded(`its ${group} groups do not fit`);
    const window = windowOf(call, kernel);
    const places = image.map((size, axis) => placesOf(window, axis, size, false));
    call.macs(n, m, perGroup, ...kernel, ...places);
    // The kernels of quantized ones lay out all windows beside each other first.
    if (type !== undefined) call.scratch(c, ...kernel, ...places);
    return [shaped(type ?? call.input(0).type, [n, m, ...places])];
  };
}

const transposed: Rule = (call) => {
  const [n = 0, c = 0, ...image] = call.shape(0);
  const [own = 0, perGroup = 0, ...kernel] = call.shape(1);
  const group = call.int('group', 1);
  const { strides, dilations, pads, autoPad } = windowOf(call, kernel);
  const adding = call.ints('output_padding') ?? kernel.map(() => 0);
  const asked = call.ints('output_shape');
  if (image.length === 0 || kernel.length !== image.length || own !== c || group < 1 || c % group !== 0) {
    unbounded(`its weights [${call.shape(1).join(', ')}] do not fit [${call.shape(0).join(', ')}]`);
  }
  if (autoPad !== 'NOTSET' && !asked) unbounded(`its auto_pad is ${autoPad}`);
  if (asked && asked.length !== image.length) unbounded('its output_shape does not fit');
  const sizes = image.map((size, axis) => {
    if (asked) return asked[axis] ?? 0;
    const extent = (dilations[axis] ?? 1) * ((kernel[axis] ?? 1) - 1) + 1;
    const cut = (pads[axis] ?? 0) + (pads[axis + kernel.length] ?? 0);
    return (strides[axis] ?? 1) * (size - 1) + (adding[axis] ?? 0) + extent - cut;
  });
  call.macs(n, c, perGroup, ...kernel, ...image);
  call.scratch(4, perGroup, group, ...kernel, ...image);
  return [shaped(call.input(0).type, [n, perGroup * group, ...sizes])];
};

/** `perPlace`: what each element under a window takes. */
const pool =
  (perPlace: number): Rule =>
  (call) => {
    const [n = 0, c = 0, ...image] = call.shape(0);
    const kernel = call.ints('kernel_shape') ?? unbounded('it has no kernel_shape');
    if (kernel.length !== image.length) unbounded('its window does not fit its image');
    const window = windowOf(call, kernel);
    const ceil = call.int('ceil_mode', 0) !== 0;
    const places = image.map((size, axis) => placesOf(window, axis, size, ceil));
    call.macs(n, c, ...kernel, ...places, perPlace);
    const dims = [n, c, ...places];
    return [shaped(call.input(0).type, dims), shaped(INT64, dims)];
  };

const globalPool: Rule = (call) => {
  const [n = 0, c = 0, ...image] = call.shape(0);
  return [shaped(call.input(0).type, [n, c, ...image.map(() => 1)])];
};

const localResponse: Rule = (call) => {
  const { type, most } = call.input(0);
  call.macs(most, Math.max(1, call.int('size')));
  return [shaped(type, call.shape(0))];
};

const upsample: Rule = (call) => {
  const scales = call.opset < 9 ? call.floats('scales') : call.values(1);
  return [scaled(call, scales ?? unbounded('it has no scales'), [...call.shape(0).keys()])];
};

function scaled(call: Call, scales: readonly number[], axes: readonly number[]): Tensor {
  const shape = call.shape(0);
  if (scales.length !== axes.length) unbounded(`it has ${scales.length} scales for ${axes.length} axes`);
  const dims = [...shape];
  for (const [index, axis] of axes.entries()) {
    const scale = scales[index] ?? 1;
    const size = (shape[axis] ?? 0) * Math.fround(scale);
    if (!(scale > 0) || !Number.isFinite(size)) unbounded(`its scales are ${scales.join(', ')}`);
    // Next to an integer, it would matter whether it is multiplied as float or double.
    if (Math.floor(size) !== Math.floor(Math.fround(size))) {
      unbounded(`its scale of ${scale} makes ${size} of ${shape[axis]}, which is not told to be rounded up or down`);
    }
    dims[axis] = Math.floor(size);
  }
  return shaped(call.input(0).type, dims);
}

const resize: Rule = (call) => {
  const { type } = call.input(0);
  const shape = call.shape(0);
  const axes = call.ints('axes') ?? [...shape.keys()];
  if (axes.some((axis) => axis < 0 || axis >= shape.length)) unbounded('its axes do not fit');
  if (call.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch') unbounded('it keeps the aspect ratio');
  const sizes = call.opset >= 11 && call.has(3) && call.input(3).shape?.[0] !== 0 ? call.integers(3) : undefined;
  if (!sizes && call.text('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize') {
    unbounded('it resizes a part of its image');
  }
  if (sizes && sizes.length !== axes.length) unbounded(`it has ${sizes.length} sizes for ${axes.length} axes`);
  const out = sizes
    ? shaped(
        type,
        shape.map((dim, axis) => (axes.includes(axis) ? (sizes[axes.indexOf(axis)] ?? dim) : dim)),
      )
    : scaled(call, call.values(call.opset < 11 ? 1 : 2), axes);
  const mode = call.text('mode', 'nearest');
  const each = mode === 'nearest' ? 4 : mode === 'linear' ? 16 : 128;
  // With antialiasing each axis is resized by itself, over all of the others as they are then.
  const larger = shape.map((dim, axis) => Math.max(dim, out.shape?.[axis] ?? 1, 1));
  if (call.int('antialias', 0) !== 0) call.macs(...larger, each, 4);
  else call.macs(out.most, each);
  return [out];
};

const gridSample: Rule = (call) => {
  const [n = 0, c = 0, ...image] = call.shape(0);
  const grid = call.shape(1);
  if (grid.length !== image.length + 2) unbounded('its grid does not fit its image');
  const out = shaped(call.input(0).type, [n, c, ...grid.slice(1, -1)]);
  call.macs(out.most, 128);
  return [out];
};

/** Without a ratio, how many samples are taken is told by data. */
const roiAlign: Rule = (call) => {
  const [, c = 0] = call.shapeOfRank(0, 4);
  const [rois = 0] = call.shapeOfRank(1, 2);
  const ratio = call.int('sampling_ratio', 0);
  if (ratio <= 0) unbounded('without a sampling_ratio its work depends on data');
  const out = shaped(call.input(0).type, [rois, c, call.int('output_height', 1), call.int('output_width', 1)]);
  call.macs(out.most, ratio, ratio, 16);
  return [out];
};

const unpool: Rule = (call) => {
  const { type } = call.input(0);
  return [shaped(type, call.has(2) ? call.integers(2) : unbounded('it has no output_shape'))];
};

/** Convolutions count their image only through their windows. */
const conv = (at: number, type?: number): Operator => mover(convolution(at, type));

export const WINDOWS: Table = {
  Conv: conv(1),
  QLinearConv: mover((call) => convolution(3, call.input(7).type)(call)),
  ConvInteger: conv(1, INT32),
  ConvTranspose: mover(transposed),
  MaxPool: op(pool(1)),
  AveragePool: op(pool(1)),
  LpPool: op(pool(COSTLY)),
  GlobalMaxPool: op(globalPool, MODERATE),
  GlobalAveragePool: op(globalPool, MODERATE),
  GlobalLpPool: op(globalPool, COSTLY),
  MaxUnpool: op(unpool),
  LRN: op(localResponse, 64),
  Upsample: op(upsample, 64),
  Resize: op(resize),
  GridSample: op(gridSample),
  RoiAlign: op(roiAlign),
  'com.microsoft::FusedConv': conv(1),
  'com.microsoft::GridSample': op(gridSample),
  'com.microsoft::QLinearAveragePool': op(pool(1), MODERATE),
};
