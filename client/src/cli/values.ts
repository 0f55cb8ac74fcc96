/** Reads the values that stand on a command line: references, weights, times, labels. */
import type { AliasTarget } from '@lepton-edge/protocol';
import { UsageError } from './failure.ts';

const RELATIVE = /^(\d{1,6})(s|m|h|d|w)$/;
const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `digits@3` */
export function versionRef(text: string): { model: string; version: number } {
  const [, model, number] = /^([^@]+)@(?:v)?([1-9]\d{0,8})$/.exec(text) ?? [];
  if (!model || !number) {
    throw new UsageError(`expected MODEL@N such as digits@3, got ${JSON.stringify(text)}`);
  }
  return { model, version: Number(number) };
}

/** `digits@production` */
export function aliasRef(text: string): { model: string; alias: string } {
  const [, model, alias] = /^([^@]+)@([a-z][a-z0-9-]{0,31})$/.exec(text) ?? [];
  if (!model || !alias) {
    throw new UsageError(`expected MODEL@ALIAS such as digits@production, got ${JSON.stringify(text)}`);
  }
  return { model, alias };
}

/** `3` or `3:90` each: versions with weights, which are shares of their sum. */
export function targets(texts: readonly string[]): AliasTarget[] {
  return texts.map((text) => {
    const [, version, weight] = /^v?([1-9]\d{0,8})(?::(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
    if (!version || weight === '0') {
      throw new UsageError(`expected N or N:WEIGHT such as 3 or 3:90, got ${JSON.stringify(text)}`);
    }
    return { version: Number(version), weight: weight === undefined ? 1 : Number(weight) };
  });
}

/** ISO 8601 in milliseconds of `2026-03-01`, `2026-03-01T12:00Z`, or `7d` (that long ago). */
export function time(option: string, text: string, now: number = Date.now()): string {
  const [, count, unit] = RELATIVE.exec(text) ?? [];
  if (count && unit) return new Date(now - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]).toISOString();
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw new UsageError(
      `--${option}: expected a time such as 2026-03-01, 2026-03-01T12:00:00Z or 7d (that long ago), got ${JSON.stringify(text)}`,
    );
  }
  return new Date(at).toISOString();
}

/** `key=value` each. */
export function labels(texts: readonly string[] | undefined): Record<string, string> | undefined {
  if (texts === undefined) return undefined;
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new UsageError(`--label: expected NAME=VALUE, got ${JSON.stringify(text)}`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
