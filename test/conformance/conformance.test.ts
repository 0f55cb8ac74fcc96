import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kind } from './row.ts';
import { type StartedServer, startDelegating, startGateway, startNode } from './servers.ts';
import { document, TABLE } from './table.ts';

const SERVERS: [what: string, kind: Kind, start: () => Promise<StartedServer>][] = [
  ['gateway', 'gateway', startGateway],
  ['gateway, through its node', 'gateway', startDelegating],
  ['node alone', 'node', startNode],
];

describe.each(SERVERS)('the %s', (_what, kind, start) => {
  let server: StartedServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  it.each(TABLE.filter(({ on }) => on === undefined || on === kind))('$id: $requirement', (row) => row.check(server));
});

describe('the table', () => {
  it('has each id once', () => expect(new Set(TABLE.map(({ id }) => id)).size).toBe(TABLE.length));

  it('is printed in docs/conformance.md: npm run docs:conformance', async () => {
    const page = await readFile(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
    expect(page).toBe(document());
  });
});
