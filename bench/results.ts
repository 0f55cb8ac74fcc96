/** What a run of the benchmark leaves behind: `results/latest.json`, and the table made from it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableOf } from '../soak/support/table.ts';
import { ROOT } from '../test/support/program.ts';
import { PEERS } from './peers.ts';
import type { Row } from './row.ts';

export interface Results {
  /** ISO 8601, UTC. */
  date: string;
  machine: string;
  /** By name. */
  versions: Record<string, string>;
  rounds: number;
  rows: Row[];
}

const OURS = ['workerd', 'miniflare', 'wrangler', 'hono', 'onnxruntime-web', 'onnxruntime-node'];

/** @param load the load generator with its version */
export async function versions(load: string): Promise<Record<string, string>> {
  const found = OURS.map(async (name) => {
    const text = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
    return [name, String(JSON.parse(text).version)] as const;
  });
  return { node: process.version, ...Object.fromEntries(await Promise.all(found)), ...PEERS, load };
}

export function rowsTable(rows: readonly Row[]): string {
  const cells = rows.map(({ id, what, unit, ratio, spread, target, met }) => [
    id,
    what,
    shown(ratio, unit),
    spread[0] === spread[1] ? '' : `${shown(spread[0])} – ${shown(spread[1])}`,
    target,
    met === null ? '' : met ? 'yes' : 'no',
  ]);
  return tableOf(['row', 'what', 'median', 'lowest – highest', 'target', 'met'], cells);
}

function shown(value: number, unit: Row['unit'] = '×'): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit === '×' ? '' : ` ${unit}`}`;
}
