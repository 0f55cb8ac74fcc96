/** Where a deployed Worker answers, from the report that wrangler writes beside its output. */
import { parseJson } from './wrangler.ts';

/** A host alone; routes with paths or wildcards, schedules and queues are targets too. */
const HOST = /^(?:https:\/\/)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)( \(custom domain\b.*\))?$/i;

/**
 * @param report one JSON object a line, of which the one of type `deploy` lists the targets.
 * @returns the custom domain, where the Cache API works, or else the address at workers.dev.
 */
export function workerAddress(report: string): string | undefined {
  const entries = report.split('\n').map(parseJson) as ({ type?: unknown; targets?: unknown } | undefined)[];
  const targets = entries.find((entry) => entry?.type === 'deploy')?.targets;
  if (!Array.isArray(targets)) return undefined;
  const found = targets.flatMap((target) => {
    const [, host, customDomain] = HOST.exec(String(target)) ?? [];
    return host ? [{ url: `https://${host}`, preferred: customDomain !== undefined }] : [];
  });
  return (found.find(({ preferred }) => preferred) ?? found[0])?.url;
}
