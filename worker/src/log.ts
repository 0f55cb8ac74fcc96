/** The gateway's log: one JSON line an event, through the console, as Workers log. */
interface LogLine {
  level: 'info' | 'warn' | 'error';
  [field: string]: unknown;
}

export function log(line: LogLine): void {
  // biome-ignore lint/suspicious/noConsole: this is where it goes.
  console[line.level](JSON.stringify(line));
}
