/** What ONNX Runtime was found to know (`worker/scripts/probe-operators.ts` asked it), ready to be looked up. */
import { DEFAULT_DOMAIN, operatorKey } from './model.ts';
import table from './operators.generated.json' with { type: 'json' };

/** Opsets, both ends included. */
export type OpsetRange = readonly [first: number, last: number];

export const RUNTIME = {
  version: table.runtime,
  maxIrVersion: table.maxIrVersion,
  opsets: new Map<string, OpsetRange>(
    Object.entries(table.opsets).map(([domain, [first = 0, last = 0]]) => [domain || DEFAULT_DOMAIN, [first, last]]),
  ),
};

const operators = new Map<string, readonly number[]>(Object.entries(table.operators));

/** The opsets that have an operator; `last` is infinite while it is not deprecated. Undefined: there is none of the name. */
export function opsetsWith(domain: string, name: string): OpsetRange | undefined {
  const range = operators.get(operatorKey(domain, name));
  return range && [range[0] ?? 1, range[1] ?? Number.POSITIVE_INFINITY];
}

/** The domains that have an operator of this name, to help with one looked for in the wrong place. */
export function domainsWith(name: string): string[] {
  return [...RUNTIME.opsets.keys()].filter((domain) => operators.has(operatorKey(domain, name)));
}
