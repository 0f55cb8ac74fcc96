/** Sizes and times as people read them. */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** `1.3 MB`; a thousand bytes are a kilobyte. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `4.2 ms`, `1.3 s` */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
}

export function formatTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** `[n, 3, 48, n]`: dynamic axes are n. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.map((size) => (size < 0 ? 'n' : size)).join(', ')}]`;
}

/** `3 s ago` */
export function formatAge(iso: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return formatTime(iso);
}

/** `90 s`, `1 h`, `1.5 days` */
export function formatSeconds(seconds: number): string {
  const day = 86_400;
  if (seconds >= day) return `${Number((seconds / day).toFixed(1))} ${seconds === day ? 'day' : 'days'}`;
  if (seconds >= 3600) return `${Number((seconds / 3600).toFixed(1))} h`;
  return `${seconds} s`;
}
