/** The engines that a version is not run on, because its admission showed that it does not answer there as on the CPU. */
import type { Admission } from '@lepton-edge/protocol';

/** By name, each with the reason; undefined where there is none. */
export function avoidedEngines(admission: Admission | undefined): Record<string, string> | undefined {
  const bad = (admission?.node?.engines ?? []).filter(({ outcome }) => outcome === 'differs' || outcome === 'failed');
  if (bad.length === 0) return undefined;
  return Object.fromEntries(
    bad.map(({ engine, outcome, reason, maxDifference }) => {
      const what = outcome === 'failed' ? 'it failed there' : 'its answers differ there';
      const detail = reason ?? (maxDifference === undefined ? undefined : `by up to ${maxDifference}`);
      return [engine, `when the version was tried ${what}${detail === undefined ? '' : ` (${detail})`}`];
    }),
  );
}
