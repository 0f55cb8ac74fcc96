/** Prometheus' text format, version 0.0.4: families of samples. Pure. */

export type Labels = Record<string, string>;
export type Sample = [labels: Labels, value: number, suffix?: string];

export function family(
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  help: string,
  samples: readonly Sample[],
) {
  const lines = samples.map(([labels, value, suffix = '']) => `${name}${suffix}${textOf(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/**
 * @param bounds of the buckets, the last of which is followed by one without
 * @param counts of each bucket alone
 * @param sum of all values
 */
export function histogram(labels: Labels, bounds: readonly number[], counts: readonly number[], sum: number): Sample[] {
  let total = 0;
  const buckets = counts.map((count, i): Sample => {
    total += count;
    return [{ ...labels, le: i < bounds.length ? String(bounds[i]) : '+Inf' }, total, '_bucket'];
  });
  return [...buckets, [labels, sum, '_sum'], [labels, total, '_count']];
}

function textOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
