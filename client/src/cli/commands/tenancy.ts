/** `lepton keys …`, `lepton teams …`, `lepton grants …` */
import { type Access, type IssuedKey, Scope } from '@lepton-edge/protocol';
import type { Command } from '../command.ts';
import { UsageError } from '../failure.ts';
import { fields, table, timeText } from '../text.ts';
import { time } from '../values.ts';
import { collect, LIMIT_OPTION } from './list.ts';
import { quotaText } from './quotas.ts';

const ACCESSES: readonly Access[] = ['read', 'infer'];
const SCOPES = Scope.exclude(['node']);

const listKeys: Command = {
  words: 'keys list',
  summary: 'list the API keys, without their secrets',
  args: [],
  options: { team: { type: 'string', value: 'TEAM', help: 'only the keys of this team' }, ...LIMIT_OPTION },
  examples: ['keys list', 'keys list --team vision'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.keys.all({ team: input.text('team'), signal: context.signal }), input);
    const rows = items.map((key) => [
      key.id,
      `${key.prefix}…`,
      key.name,
      key.team,
      key.scopes.join(','),
      key.revokedAt ? 'revoked' : key.expiresAt ? `until ${timeText(key.expiresAt)}` : 'valid',
      quotaText(key.quota),
      key.lastUsedAt ? timeText(key.lastUsedAt) : 'never',
    ]);
    const headings = ['KEY', 'SECRET', 'NAME', 'TEAM', 'SCOPES', 'STATE', 'QUOTA', 'LAST USED'];
    return { json: { items }, text: table(headings, rows, 'no keys') };
  },
};

const createKey: Command = {
  words: 'keys create',
  summary: 'make an API key; its secret is shown this once',
  args: ['NAME'],
  options: {
    team: { type: 'string', value: 'TEAM', help: 'the team it acts for, by name or id', required: true },
    scope: { type: 'string', value: 'SCOPE', help: `what it may do: ${SCOPES.options.join(', ')}`, multiple: true },
    description: { type: 'string', value: 'TEXT', help: 'for people' },
    expires: { type: 'string', value: 'TIME', help: 'when it ends: 2027-01-01' },
  },
  examples: [
    'keys create ci --team vision --scope models:write --scope models:read',
    'keys create web --team vision --scope infer --expires 2027-01-01',
  ],
  async run(context, input) {
    const scopes = (input.texts('scope') ?? []).flatMap((text) => text.split(',')).map(scopeOf);
    if (scopes.length === 0) throw new UsageError('--scope SCOPE is needed', `there are: ${SCOPES.options.join(', ')}`);
    const description = input.text('description');
    const expires = input.text('expires');
    const client = await context.client();
    const issued = await client.keys.create(
      {
        name: input.arg(0),
        team: input.needed('team'),
        scopes,
        ...(description === undefined ? {} : { description }),
        ...(expires === undefined ? {} : { expiresAt: time('expires', expires) }),
      },
      { signal: context.signal },
    );
    return { json: issued, text: issuedText(issued) };
  },
};

const revokeKey: Command = {
  words: 'keys revoke',
  summary: 'end a key; it stops working within seconds',
  args: ['KEY'],
  options: {},
  examples: ['keys revoke key_01JZX3P7Q2'],
  async run(context, input) {
    const client = await context.client();
    await client.keys.revoke(input.arg(0), { signal: context.signal });
    return { json: { revoked: input.arg(0) }, text: `${input.arg(0)} is revoked` };
  },
};

const listTeams: Command = {
  words: 'teams list',
  summary: 'list the teams',
  args: [],
  options: LIMIT_OPTION,
  examples: ['teams list'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.teams.all({ signal: context.signal }), input);
    const rows = items.map((team) => [team.name, team.id, timeText(team.createdAt)]);
    return { json: { items }, text: table(['TEAM', 'ID', 'CREATED'], rows, 'no teams') };
  },
};

const createTeam: Command = {
  words: 'teams create',
  summary: 'make a team',
  args: ['NAME'],
  options: {},
  examples: ['teams create vision'],
  async run(context, input) {
    const client = await context.client();
    const options = { signal: context.signal, idempotencyKey: crypto.randomUUID() };
    const team = await client.teams.create({ name: input.arg(0) }, options);
    return { json: team, text: `team ${team.name} is ${team.id}` };
  },
};

const listGrants: Command = {
  words: 'grants list',
  summary: 'list the teams that may use a model',
  args: ['MODEL'],
  options: LIMIT_OPTION,
  examples: ['grants list digits'],
  async run(context, input) {
    const client = await context.client();
    const items = await collect(client.grants.all(input.arg(0), { signal: context.signal }), input);
    const rows = items.map((grant) => [grant.team, grant.access, timeText(grant.createdAt), grant.createdBy]);
    return { json: { items }, text: table(['TEAM', 'ACCESS', 'SINCE', 'BY'], rows, 'no other team may use it') };
  },
};

const setGrant: Command = {
  words: 'grants set',
  summary: 'let another team use a model',
  about: '`infer` lets it call the model; `read` also lets it look at the model and its files.',
  args: ['MODEL', 'TEAM'],
  options: { access: { type: 'string', value: 'read|infer', help: 'what it may do', required: true } },
  examples: ['grants set digits forms --access infer'],
  async run(context, input) {
    const access = input.oneOf('access', ACCESSES) ?? 'infer';
    const client = await context.client();
    const grant = await client.grants.put(input.arg(0), input.arg(1), access, { signal: context.signal });
    return { json: grant, text: `${grant.team} may ${grant.access} ${grant.model}` };
  },
};

const removeGrant: Command = {
  words: 'grants remove',
  summary: 'end what another team may do with a model',
  args: ['MODEL', 'TEAM'],
  options: {},
  examples: ['grants remove digits forms'],
  async run(context, input) {
    const client = await context.client();
    await client.grants.delete(input.arg(0), input.arg(1), { signal: context.signal });
    return {
      json: { removed: { model: input.arg(0), team: input.arg(1) } },
      text: `${input.arg(1)} may no longer use ${input.arg(0)}`,
    };
  },
};

export const TENANCY_COMMANDS = [
  listKeys,
  createKey,
  revokeKey,
  listTeams,
  createTeam,
  listGrants,
  setGrant,
  removeGrant,
];

function scopeOf(text: string) {
  const scope = SCOPES.safeParse(text);
  if (scope.success) return scope.data;
  throw new UsageError(`--scope: expected one of ${SCOPES.options.join(', ')}, got ${JSON.stringify(text)}`);
}

function issuedText(key: IssuedKey): string {
  return fields([
    ['key', key.id],
    ['name', key.name],
    ['team', key.team],
    ['scopes', key.scopes.join(', ')],
    ['expires', key.expiresAt === undefined ? undefined : timeText(key.expiresAt)],
    ['secret', key.secret],
    ['', 'the secret is shown this once: store it now'],
  ]);
}
