/** How things are written for people: tables, sizes, times. */

/** Escapes what could move a terminal's cursor or change its colours. */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal.
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** One line of text: what is broken over lines is joined. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ').trim());
}

/** Columns under headings, aligned to the left; `none` stands where there are no rows. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], none: string): string {
  if (rows.length === 0) return none;
  const cells = [headings, ...rows].map((row) => row.map(oneLine));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))));
  return cells
    .map((row) => row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** `name   value` lines; what is undefined is left out. */
export function fields(pairs: readonly (readonly [name: string, value: string | undefined])[]): string {
  const given = pairs.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...given.map(([name]) => name.length));
  return given.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(value ?? '')}`.trimEnd()).join('\n');
}

/** `1.5 MiB` */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds with as many digits as mean something: `0.042 ms`, `12.3 ms`, `1.5 s`. */
export function msText(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(0)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms === 0) return '0 ms';
  return `${Number(ms.toPrecision(ms >= 100 ? 3 : 2))} ms`;
}

/** An ISO time to the second, in UTC: `2026-03-01 12:00:00Z`. */
export function timeText(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}

/** `v3`, or `v3 90 %, v4 10 %` of the sum of the weights. */
export function targetsText(targets: readonly { version: number; weight: number }[]): string {
  if (targets.length === 0) return 'deleted';
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  if (targets.length === 1) return `v${targets[0]?.version}`;
  return targets
    .map(({ version, weight }) => `v${version} ${Number(((100 * weight) / sum).toPrecision(3))} %`)
    .join(', ');
}

export function labelsText(labels: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(labels);
  return entries.length === 0 ? undefined : entries.map(([name, value]) => `${name}=${value}`).join(', ');
}

function widthOf(text: string): number {
  return [...text].length;
}
