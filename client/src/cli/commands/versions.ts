/** `lepton versions …` */
import type { Command } from '../command.ts';
import { bytesText, table, timeText } from '../text.ts';
import { versionRef } from '../values.ts';
import { collect, LIMIT_OPTION } from './list.ts';
import { versionText } from './version-report.ts';

const list: Command = {
  words: 'versions list',
  summary: 'list the versions of a model, newest first',
  args: ['MODEL'],
  options: LIMIT_OPTION,
  examples: ['versions list digits', 'versions list digits --limit 5'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.versions.all(input.arg(0), { signal: context.signal }), input);
    const rows = items.map((version) => [
      `v${version.version}`,
      version.state,
      bytesText(version.sizeBytes),
      version.admission === undefined ? '-' : version.admission.edgeEligible ? 'yes' : 'no',
      timeText(version.createdAt),
      version.createdBy,
      version.reason ?? '',
    ]);
    const headings = ['VERSION', 'STATE', 'SIZE', 'EDGE', 'CREATED', 'BY', 'REASON'];
    return { json: { items }, text: table(headings, rows, 'no versions') };
  },
};

const show: Command = {
  words: 'versions show',
  summary: 'show a version with its admission report',
  args: ['MODEL@N'],
  options: {},
  examples: ['versions show digits@3', 'versions show digits@3 --json | jq .admission'],
  async run(context, input) {
    const { model, version } = versionRef(input.arg(0));
    const client = await context.client();
    const found = await client.versions.get(model, version, { signal: context.signal });
    return { json: found, text: versionText(found) };
  },
};

const archive: Command = {
  words: 'versions archive',
  summary: 'take a version out of service for good',
  about: 'It stays listed, and cannot be run any more. No alias may point to it.',
  args: ['MODEL@N'],
  options: { reason: { type: 'string', value: 'TEXT', help: 'why, for the audit log', required: true } },
  examples: ['versions archive digits@1 --reason "trained on leaked data"'],
  async run(context, input) {
    const { model, version } = versionRef(input.arg(0));
    const client = await context.client();
    const options = { signal: context.signal, idempotencyKey: crypto.randomUUID() };
    const archived = await client.versions.archive(model, version, input.needed('reason'), options);
    return { json: archived, text: `${model}@${version} is archived` };
  },
};

export const VERSION_COMMANDS = [list, show, archive];
