/** `lepton node-tokens …` */
import type { NodeToken } from '@lepton-edge/protocol';
import type { Command } from '../command.ts';
import { fields, table, timeText } from '../text.ts';
import { time } from '../values.ts';
import { collect, LIMIT_OPTION } from './list.ts';

const list: Command = {
  words: 'node-tokens list',
  summary: 'list the tokens by which nodes join, without their secrets',
  args: [],
  options: LIMIT_OPTION,
  examples: ['node-tokens list'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.nodes.allTokens({ signal: context.signal }), input);
    const rows = items.map((token) => [
      token.id,
      `${token.used} of ${token.uses}`,
      stateOf(token),
      timeText(token.createdAt),
      token.createdBy,
    ]);
    return { json: { items }, text: table(['TOKEN', 'USED', 'STATE', 'CREATED', 'BY'], rows, 'no join tokens') };
  },
};

const create: Command = {
  words: 'node-tokens create',
  summary: 'make a token by which a node joins; it is shown this once',
  about: 'Good for one join within an hour, or for more where it says so: for a group of nodes that grows and shrinks.',
  args: [],
  options: {
    uses: { type: 'string', value: 'N', help: 'how many joins it is good for, at most 1000; 1 by default' },
    expires: { type: 'string', value: 'TIME', help: 'when it ends, at most a year away; in an hour by default' },
  },
  examples: ['node-tokens create', 'node-tokens create --uses 20 --expires 2027-01-01'],
  async run(context, input) {
    const uses = input.whole('uses', 1);
    const expires = input.text('expires');
    const client = await context.client();
    const issued = await client.nodes.createToken(
      {
        ...(uses === undefined ? {} : { uses }),
        ...(expires === undefined ? {} : { expiresAt: time('expires', expires) }),
      },
      { signal: context.signal },
    );
    const text = fields([
      ['id', issued.id],
      ['joins', String(issued.uses)],
      ['expires', timeText(issued.expiresAt)],
      ['token', issued.token],
      ['', 'the token is shown this once: store it now'],
    ]);
    return { json: issued, text };
  },
};

const revoke: Command = {
  words: 'node-tokens revoke',
  summary: 'end a join token; nodes that joined by it stay',
  args: ['TOKEN'],
  options: {},
  examples: ['node-tokens revoke tok_01JZX3P7Q2'],
  async run(context, input) {
    const client = await context.client();
    await client.nodes.revokeToken(input.arg(0), { signal: context.signal });
    return { json: { revoked: input.arg(0) }, text: `${input.arg(0)} is revoked` };
  },
};

export const NODE_TOKEN_COMMANDS = [list, create, revoke];

function stateOf({ revokedAt, used, uses, expiresAt }: NodeToken): string {
  if (revokedAt !== undefined) return 'revoked';
  if (used >= uses) return 'used up';
  return Date.parse(expiresAt) <= Date.now() ? 'expired' : `until ${timeText(expiresAt)}`;
}
