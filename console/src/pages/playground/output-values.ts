/** What can be shown of an output: rows of probabilities, or its first values. */
import type { Tensor } from '@lepton-edge/protocol';

const MAX_BARS = 20;
const MAX_CLASSES = 1000;
const MAX_ROWS = 100;
const MAX_SHOWN = 64;

export interface Bar {
  label: string;
  /** From 0 to 1. */
  value: number;
}

/** Rows of at least two numbers from 0 to 1, of an output of one or two axes; undefined for anything else. */
export function probabilityRows(output: Tensor): number[][] | undefined {
  const { shape, data } = output;
  const size = shape.at(-1) ?? 0;
  const isSmall = shape.length <= 2 && size >= 2 && size <= MAX_CLASSES && data.length / size <= MAX_ROWS;
  if (!isSmall || data.length === 0) return undefined;
  const values = floatsOf(output);
  if (!values?.every((value) => value >= 0 && value <= 1)) return undefined;
  return Array.from({ length: values.length / size }, (_, row) => values.slice(row * size, (row + 1) * size));
}

/** All in their order where they are few, else the greatest first. Labels are used where there is one for each value. */
export function barsOf(row: number[], labels: string[] | undefined): Bar[] {
  const names = labels?.length === row.length ? labels : undefined;
  const bars = row.map((value, i) => ({ label: names?.[i] ?? String(i), value }));
  return bars.length <= MAX_BARS ? bars : bars.sort((a, b) => b.value - a.value).slice(0, MAX_BARS);
}

/** The first values, separated by commas, and how many there are where that is not all. */
export function firstValues(output: Tensor): string {
  const { datatype, data, shape } = output;
  const first = { ...output, data: data.slice(0, MAX_SHOWN) } as Tensor;
  const shown = Array.from<unknown>(floatsOf(first) ?? first.data).map((value) => {
    if (datatype === 'BYTES') return JSON.stringify(new TextDecoder().decode(value as Uint8Array));
    if (datatype === 'BOOL') return String(value === 1);
    return typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value);
  });
  if (shape.includes(0)) return '(no elements)';
  return data.length > MAX_SHOWN ? `${shown.join(', ')}, … (${data.length.toLocaleString('en')})` : shown.join(', ');
}

function floatsOf({ datatype, data }: Tensor): number[] | undefined {
  if (data instanceof Float32Array || data instanceof Float64Array) return Array.from(data);
  if (datatype !== 'FP16' || !(data instanceof Uint16Array)) return undefined;
  const halves = new DataView(data.buffer, data.byteOffset, data.byteLength);
  // Every machine that runs a browser keeps numbers with their lowest byte first.
  return Array.from(data, (_, i) => halves.getFloat16(2 * i, true));
}
