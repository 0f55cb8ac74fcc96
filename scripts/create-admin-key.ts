/** `npm run admin:create`: a new admin key, for one that was lost or is to be replaced. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHomeAdminKey } from './admin-keys/home.ts';
import { createRemoteAdminKey } from './admin-keys/remote.ts';
import { installedWrangler, Wrangler } from './cloudflare/wrangler.ts';
import { readFlags, runScript } from './run-script.ts';

const USAGE = `npm run admin:create -- [options]

Makes an admin key of the gateway on Cloudflare.

  --home DIR        of the gateway that npm start keeps in DIR instead, which must be stopped
  --revoke-others   revoke all other admin keys
  --help            show this`;

const root = fileURLToPath(new URL('..', import.meta.url));

await runScript(async () => {
  const flags = readFlags(
    {
      home: { type: 'string' },
      'revoke-others': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    USAGE,
  );
  if (flags.help) return console.log(USAGE);
  const shared = { root, revokeOthers: flags['revoke-others'] ?? false, now: Date.now(), say: console.log };
  if (flags.home !== undefined) return createHomeAdminKey({ ...shared, home: resolve(flags.home) });
  await createRemoteAdminKey({
    ...shared,
    wrangler: new Wrangler(installedWrangler(root)),
    onKey: (secret) =>
      console.log(`admin key  ${secret}\n           Shown this once: the gateway keeps only its hash.`),
  });
});
