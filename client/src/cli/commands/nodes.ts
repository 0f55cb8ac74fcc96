/** `lepton nodes …` */
import type { Node } from '@lepton-edge/protocol';
import type { LeptonClient } from '../../client.ts';
import type { Command } from '../command.ts';
import { UsageError } from '../failure.ts';
import { table, timeText } from '../text.ts';
import { collect, LIMIT_OPTION } from './list.ts';

const list: Command = {
  words: 'nodes list',
  summary: 'list the gpu-nodes',
  args: [],
  options: LIMIT_OPTION,
  examples: ['nodes list'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.nodes.all({ signal: context.signal }), input);
    const rows = items.map((node) => [
      node.name,
      node.state,
      node.region ?? '',
      String(node.inFlight + node.queued),
      node.loaded.map(({ model, version }) => `${model}@${version}`).join(' '),
      node.lastSeenAt === undefined ? 'never' : timeText(node.lastSeenAt),
      node.url,
      node.warnings.join('; '),
    ]);
    const headings = ['NODE', 'STATE', 'REGION', 'REQUESTS', 'LOADED', 'SEEN', 'ADDRESS', 'WARNINGS'];
    return { json: { items }, text: table(headings, rows, 'no nodes') };
  },
};

const drain: Command = {
  words: 'nodes drain',
  summary: 'take a node out of work; it finishes what it has, and stays up',
  about: 'It stays out of work, also when it is started again, until it is resumed.',
  args: ['NODE'],
  options: {},
  examples: ['nodes drain gpu-1'],
  async run(context, input) {
    const client = await context.client();
    const { id } = await find(client, input.arg(0), context.signal);
    const node = await client.nodes.drain(id, { signal: context.signal, idempotencyKey: crypto.randomUUID() });
    return { json: node, text: `${node.name} gets no new work; ${node.inFlight + node.queued} requests are under way` };
  },
};

const resume: Command = {
  words: 'nodes resume',
  summary: 'give a drained node work again',
  args: ['NODE'],
  options: {},
  examples: ['nodes resume gpu-1'],
  async run(context, input) {
    const client = await context.client();
    const { id } = await find(client, input.arg(0), context.signal);
    const node = await client.nodes.resume(id, { signal: context.signal, idempotencyKey: crypto.randomUUID() });
    return { json: node, text: `${node.name} is given work again; it is ${node.state}` };
  },
};

const rotate: Command = {
  words: 'nodes rotate',
  summary: 'have a node replace its credential now; it does so once a day in any case',
  args: ['NODE'],
  options: {},
  examples: ['nodes rotate gpu-1'],
  async run(context, input) {
    const client = await context.client();
    const { id } = await find(client, input.arg(0), context.signal);
    const node = await client.nodes.rotate(id, { signal: context.signal, idempotencyKey: crypto.randomUUID() });
    return { json: node, text: `${node.name} replaces its credential with its next report` };
  },
};

export const NODE_COMMANDS = [list, drain, resume, rotate];

/** By name or id. */
async function find({ nodes }: LeptonClient, named: string, signal: AbortSignal | undefined): Promise<Node> {
  for await (const node of nodes.all({ signal })) if (node.name === named || node.id === named) return node;
  throw new UsageError(`no node is named ${JSON.stringify(named)}: \`lepton nodes list\` shows the nodes there are`);
}
