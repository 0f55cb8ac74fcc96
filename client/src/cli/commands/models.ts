/** `lepton models …` */
import type { Model, Visibility } from '@lepton-edge/protocol';
import type { Command, OptionSpec } from '../command.ts';
import { UsageError } from '../failure.ts';
import { fields, labelsText, table, timeText } from '../text.ts';
import { labels } from '../values.ts';
import { collect, LIMIT_OPTION } from './list.ts';

const VISIBILITIES: readonly Visibility[] = ['private', 'public'];

const DETAIL_OPTIONS: Record<string, OptionSpec> = {
  task: { type: 'string', value: 'TASK', help: 'what it does: tensor (anything), embedding, or a word of your own' },
  description: { type: 'string', value: 'TEXT', help: 'for people' },
  visibility: { type: 'string', value: 'private|public', help: 'whether other teams may see and run it' },
  label: { type: 'string', value: 'NAME=VALUE', help: 'a label', multiple: true },
};

const list: Command = {
  words: 'models list',
  summary: 'list the models this key may see',
  args: [],
  options: LIMIT_OPTION,
  examples: ['models list', 'models --json | jq -r ".items[].name"'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.models.all({ signal: context.signal }), input);
    const rows = items.map((model) => [
      model.name,
      model.task,
      model.visibility,
      model.latestVersion === undefined ? '-' : `v${model.latestVersion}`,
      model.team,
      model.description ?? '',
    ]);
    const headings = ['MODEL', 'TASK', 'VISIBILITY', 'LATEST', 'TEAM', 'DESCRIPTION'];
    return { json: { items }, text: table(headings, rows, 'no models') };
  },
};

const show: Command = {
  words: 'models show',
  summary: 'show a model',
  args: ['NAME'],
  options: {},
  examples: ['models show digits'],
  async run(context, input) {
    const client = await context.client();
    const model = await client.models.get(input.arg(0), { signal: context.signal });
    return { json: model, text: modelText(model) };
  },
};

const create: Command = {
  words: 'models create',
  summary: 'make a model, with no version yet',
  args: ['NAME'],
  options: {
    ...DETAIL_OPTIONS,
    team: { type: 'string', value: 'TEAM', help: 'the team that owns it; only an admin key may name another' },
  },
  examples: ['models create digits --description "handwritten digits"', 'models create tone --label owner=ana'],
  async run(context, input) {
    const client = await context.client();
    const details = detailsOf(input);
    const options = { signal: context.signal, idempotencyKey: crypto.randomUUID() };
    const team = input.text('team');
    const model = await client.models.create(
      { name: input.arg(0), ...details, ...(team === undefined ? {} : { team }) },
      options,
    );
    return { json: model, text: modelText(model) };
  },
};

const update: Command = {
  words: 'models update',
  summary: 'change what is said of a model',
  about: 'Labels given replace all that were there.',
  args: ['NAME'],
  options: DETAIL_OPTIONS,
  examples: ['models update digits --visibility public', 'models update digits --label owner=ana --label tier=gold'],
  async run(context, input) {
    const details = detailsOf(input);
    if (Object.keys(details).length === 0) {
      throw new UsageError('there is nothing to change', 'give --task, --description, --visibility or --label');
    }
    const client = await context.client();
    const model = await client.models.patch(input.arg(0), details, { signal: context.signal });
    return { json: model, text: modelText(model) };
  },
};

const remove: Command = {
  words: 'models delete',
  summary: 'delete a model with all its versions and aliases',
  args: ['NAME'],
  options: { force: { type: 'boolean', help: 'even while aliases or other teams refer to it' } },
  examples: ['models delete scratch', 'models delete digits --force'],
  async run(context, input) {
    const name = input.arg(0);
    const client = await context.client();
    await client.models.delete(name, { force: input.flag('force'), signal: context.signal });
    return { json: { deleted: name }, text: `${name} is deleted` };
  },
};

export const MODEL_COMMANDS = [list, show, create, update, remove];

function detailsOf(input: Parameters<Command['run']>[1]) {
  const task = input.text('task');
  const description = input.text('description');
  const visibility = input.oneOf('visibility', VISIBILITIES);
  const given = labels(input.texts('label'));
  return {
    ...(task === undefined ? {} : { task }),
    ...(description === undefined ? {} : { description }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(given === undefined ? {} : { labels: given }),
  };
}

function modelText(model: Model): string {
  return fields([
    ['model', model.name],
    ['task', model.task],
    ['description', model.description],
    ['visibility', model.visibility],
    ['team', model.team],
    ['latest', model.latestVersion === undefined ? 'no version yet' : `v${model.latestVersion}`],
    ['labels', labelsText(model.labels)],
    ['created', `${timeText(model.createdAt)} by ${model.createdBy}`],
  ]);
}
