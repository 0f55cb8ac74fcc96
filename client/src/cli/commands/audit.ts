/** `lepton audit` and `lepton audit verify` */
import type { Command } from '../command.ts';
import { table, timeText } from '../text.ts';
import { time } from '../values.ts';
import { collect } from './list.ts';

const DEFAULT_ENTRIES = 100;

const show: Command = {
  words: 'audit',
  summary: 'list what was changed, by whom, newest first',
  args: [],
  options: {
    model: { type: 'string', value: 'MODEL', help: 'only what concerns this model' },
    actor: { type: 'string', value: 'KEY', help: 'only what was done with this key, by its id' },
    action: { type: 'string', value: 'ACTION', help: 'only this kind of change, such as alias.put' },
    since: { type: 'string', value: 'TIME', help: 'from then on: 2026-03-01, or 24h ago' },
    until: { type: 'string', value: 'TIME', help: 'before then' },
    limit: { type: 'string', value: 'N', help: `at most so many; default: ${DEFAULT_ENTRIES}` },
  },
  examples: [
    'audit --since 24h',
    'audit --model digits --action alias.put',
    'audit --limit 100000 --json > audit.json',
  ],
  async run(context, input) {
    const [since, until] = (['since', 'until'] as const).map((option) => {
      const text = input.text(option);
      return text === undefined ? undefined : time(option, text);
    });
    const limit = input.whole('limit', 1) ?? DEFAULT_ENTRIES;
    const client = await context.client();
    const all = client.audit.all({
      model: input.text('model'),
      actor: input.text('actor'),
      action: input.text('action'),
      since,
      until,
      limit: Math.min(limit, 1000),
      signal: context.signal,
    });
    const items = await collect(all, input, DEFAULT_ENTRIES);
    const rows = items.map((entry) => [
      String(entry.seq),
      timeText(entry.at),
      entry.actor,
      entry.team,
      entry.action,
      entry.subject,
      JSON.stringify(entry.detail).slice(0, 80),
    ]);
    const headings = ['SEQ', 'AT', 'ACTOR', 'TEAM', 'ACTION', 'SUBJECT', 'DETAIL'];
    return { json: { items }, text: table(headings, rows, 'no entries') };
  },
};

const verify: Command = {
  words: 'audit verify',
  summary: 'check that no entry of the audit log was changed or removed',
  args: [],
  options: {},
  examples: ['audit verify'],
  async run(context) {
    const client = await context.client();
    const verified = await client.audit.verify({ signal: context.signal });
    const { entries, unsealed, head } = verified;
    const rest = unsealed > 0 ? `; ${unsealed} came meanwhile and are not sealed yet` : '';
    return {
      json: verified,
      text: `the chain of ${entries} entries holds${head ? `, its head is ${head}` : ''}${rest}`,
    };
  },
};

export const AUDIT_COMMANDS = [show, verify];
