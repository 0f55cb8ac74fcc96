/** What the terminal shows when the gateway is up: the table of first runs, and how to go on from there. */
import type { FirstRun } from './examples/first-runs.ts';

const GAP = '  ';

/** Lines of one column each, aligned; the last column is left ragged. */
function formatTable(header: string[], rows: string[][]): string[] {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  return lines.map((cells) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join(GAP)
      .trimEnd(),
  );
}

export function formatRuns(runs: FirstRun[]): string[] {
  const rows = runs.map((run) => [run.model, run.where, formatDuration(run.totalMs), run.answer.replaceAll('\n', ' ')]);
  return formatTable(['model', 'ran on', 'time', 'answered'], rows);
}

/** `850 ms`, `2.4 s` */
function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/**
 * A command to copy: of the examples' requests the one with the least to read, or the list of models where there is none.
 * @param adminKeyPath is read by the shell when the command runs, so that the key itself is not shown.
 */
export function formatCurl(url: string, adminKeyPath: string, runs: FirstRun[]): string {
  const key = `-H "authorization: Bearer $(cat ${quote(adminKeyPath)})"`;
  const [smallest] = runs
    .flatMap(({ model, request }) => (request ? [{ model, ...request }] : []))
    .sort((a, b) => a.elementCount - b.elementCount);
  if (!smallest) return `curl -i ${url}/api/models ${key}`;
  const body = `-H 'content-type: application/json' --data ${quote(`@${smallest.path}`)}`;
  return `curl -i ${url}/v2/models/${smallest.model}/infer ${key} ${body}`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
