/** All operators whose cost is known; one that is not here makes a model's cost unknown. */
import { ATTENTION } from './attention.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { LAYOUT } from './layout.ts';
import { PARTS } from './parts.ts';
import { PRODUCTS } from './products.ts';
import { QUANTIZED } from './quantized.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCE } from './reduce.ts';
import { SOURCES } from './sources.ts';
import type { Operator } from './table.ts';
import { WINDOWS } from './windows.ts';

/** By operator key. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  [ATTENTION, ELEMENTWISE, LAYOUT, PARTS, PRODUCTS, QUANTIZED, RECURRENT, REDUCE, SOURCES, WINDOWS].flatMap((table) =>
    Object.entries(table),
  ),
);
