/** `lepton alias …` */
import type { Alias } from '@lepton-edge/protocol';
import type { Command, OptionSpec } from '../command.ts';
import { fields, table, targetsText, timeText } from '../text.ts';
import { aliasRef, targets, time } from '../values.ts';
import { collect, LIMIT_OPTION } from './list.ts';

const REASON: Record<string, OptionSpec> = {
  reason: { type: 'string', value: 'TEXT', help: 'why, for the history and the audit log', required: true },
};
const IF_REVISION: Record<string, OptionSpec> = {
  'if-revision': { type: 'string', value: 'K', help: 'only if it is at revision K still; 0: only if there is none' },
};

const list: Command = {
  words: 'alias list',
  summary: 'list the aliases of a model',
  args: ['MODEL'],
  options: LIMIT_OPTION,
  examples: ['alias list digits'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.aliases.all(input.arg(0), { signal: context.signal }), input);
    const rows = items.map((alias) => [
      alias.alias,
      targetsText(alias.targets),
      String(alias.revision),
      alias.protected ? 'yes' : 'no',
      timeText(alias.updatedAt),
      alias.updatedBy,
      alias.reason,
    ]);
    const headings = ['ALIAS', 'POINTS TO', 'REVISION', 'PROTECTED', 'MOVED', 'BY', 'REASON'];
    return { json: { items }, text: table(headings, rows, 'no aliases') };
  },
};

const show: Command = {
  words: 'alias show',
  summary: 'show where an alias points, or pointed',
  args: ['MODEL@ALIAS'],
  options: {
    at: { type: 'string', value: 'TIME', help: 'as it was then: 2026-03-01, 2026-03-01T12:00:00Z, or 7d ago' },
  },
  examples: ['alias show digits@production', 'alias show digits@production --at 7d'],
  async run(context, input) {
    const { model, alias } = aliasRef(input.arg(0));
    const at = input.text('at');
    const moment = at === undefined ? undefined : time('at', at);
    const { aliases } = await context.client();
    const options = { signal: context.signal };
    const found = await (moment === undefined
      ? aliases.get(model, alias, options)
      : aliases.at(model, alias, moment, options));
    return { json: found, text: aliasText(found) };
  },
};

const set: Command = {
  words: 'alias set',
  summary: 'point an alias to a version, or split it between several',
  about: 'Weights are shares of their sum.',
  args: ['MODEL@ALIAS', 'N[:WEIGHT]…'],
  options: { ...REASON, ...IF_REVISION },
  examples: [
    'alias set digits@production 3 --reason "passed the evaluation"',
    'alias set digits@production 3:90 4:10 --reason "try v4 on a tenth" --if-revision 7',
  ],
  async run(context, input) {
    const { model, alias } = aliasRef(input.arg(0));
    const ifRevision = input.whole('if-revision');
    const to = targets(input.args.slice(1));
    const { aliases } = await context.client();
    const moved = await aliases.put(
      model,
      alias,
      { targets: to, reason: input.needed('reason'), ...(ifRevision === undefined ? {} : { ifRevision }) },
      { signal: context.signal },
    );
    return { json: moved, text: movedText(moved) };
  },
};

const rollback: Command = {
  words: 'alias rollback',
  summary: 'point an alias back to where it pointed before',
  args: ['MODEL@ALIAS'],
  options: {
    ...REASON,
    'to-revision': { type: 'string', value: 'K', help: 'to this revision; default: the one before the current' },
    ...IF_REVISION,
  },
  examples: ['alias rollback digits@production --reason "v4 is slow"'],
  async run(context, input) {
    const { model, alias } = aliasRef(input.arg(0));
    const toRevision = input.whole('to-revision', 1);
    const ifRevision = input.whole('if-revision');
    const { aliases } = await context.client();
    const moved = await aliases.rollback(
      model,
      alias,
      {
        reason: input.needed('reason'),
        ...(toRevision === undefined ? {} : { toRevision }),
        ...(ifRevision === undefined ? {} : { ifRevision }),
      },
      { signal: context.signal, idempotencyKey: crypto.randomUUID() },
    );
    return { json: moved, text: movedText(moved) };
  },
};

const history: Command = {
  words: 'alias history',
  summary: 'list the moves of an alias, newest first',
  args: ['MODEL@ALIAS'],
  options: {
    since: { type: 'string', value: 'TIME', help: 'from then on: 2026-03-01, or 7d ago' },
    until: { type: 'string', value: 'TIME', help: 'before then' },
    actor: { type: 'string', value: 'KEY', help: 'only moves made with this key, by its id' },
    ...LIMIT_OPTION,
  },
  examples: ['alias history digits@production', 'alias history digits@production --since 30d --json'],
  async run(context, input) {
    const { model, alias } = aliasRef(input.arg(0));
    const [since, until] = (['since', 'until'] as const).map((option) => {
      const text = input.text(option);
      return text === undefined ? undefined : time(option, text);
    });
    const { aliases } = await context.client();
    const options = { since, until, actor: input.text('actor'), signal: context.signal };
    const items = await collect(aliases.allHistory(model, alias, options), input);
    const rows = items.map((move) => [
      String(move.revision),
      targetsText(move.targets),
      timeText(move.createdAt),
      move.createdBy,
      move.reason,
    ]);
    const headings = ['REVISION', 'POINTED TO', 'MOVED', 'BY', 'REASON'];
    return { json: { items }, text: table(headings, rows, 'no moves') };
  },
};

const protection = (isProtected: boolean): Command => ({
  words: isProtected ? 'alias protect' : 'alias unprotect',
  summary: isProtected ? 'let only admin keys move an alias' : 'let every key that may write the model move an alias',
  args: ['MODEL@ALIAS'],
  options: {},
  examples: [`alias ${isProtected ? 'protect' : 'unprotect'} digits@production`],
  async run(context, input) {
    const { model, alias } = aliasRef(input.arg(0));
    const { aliases } = await context.client();
    const found = await aliases.protect(model, alias, isProtected, { signal: context.signal });
    return { json: found, text: `${model}@${alias} is ${isProtected ? 'protected' : 'no longer protected'}` };
  },
});

const remove: Command = {
  words: 'alias delete',
  summary: 'delete an alias; its history stays',
  args: ['MODEL@ALIAS'],
  options: { ...REASON, ...IF_REVISION },
  examples: ['alias delete digits@canary --reason "the trial is over"'],
  async run(context, input) {
    const { model, alias } = aliasRef(input.arg(0));
    const { aliases } = await context.client();
    const options = { ifRevision: input.whole('if-revision', 1), signal: context.signal };
    await aliases.delete(model, alias, input.needed('reason'), options);
    return { json: { deleted: `${model}@${alias}` }, text: `${model}@${alias} is deleted` };
  },
};

export const ALIAS_COMMANDS = [list, show, set, rollback, history, protection(true), protection(false), remove];

function aliasText(alias: Alias): string {
  return fields([
    ['alias', `${alias.model}@${alias.alias}`],
    ['points to', targetsText(alias.targets)],
    ['revision', String(alias.revision)],
    ['protected', alias.protected ? 'yes' : 'no'],
    ['moved', `${timeText(alias.updatedAt)} by ${alias.updatedBy}`],
    ['reason', alias.reason],
  ]);
}

export function movedText({ model, alias, targets: to, revision }: Alias): string {
  return `${model}@${alias} points to ${targetsText(to)} (revision ${revision})`;
}
