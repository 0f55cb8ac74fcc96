/** A real headless Chromium: the one installed on this machine where there is one, else the one npm ships for Linux x64. */
import { existsSync } from 'node:fs';
import bundled from '@sparticuz/chromium';
import { type Browser, chromium } from 'playwright-core';

const INSTALLED = [
  '/usr/bin/google-chrome',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The caller closes it. Throws when this machine has no browser and npm ships none for it. */
export async function launchBrowser(): Promise<Browser> {
  const installed = INSTALLED.find((path) => existsSync(path));
  if (installed) return await chromium.launch({ executablePath: installed, args: ['--no-sandbox', '--disable-quic'] });
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`no Chrome found: expected one of ${INSTALLED.join(', ')}`);
  }
  // In a single process, as its flags have it, the browser ends with the first page that is closed.
  const args = bundled.args.filter((flag) => flag !== '--single-process' && flag !== '--no-zygote');
  return await chromium.launch({ executablePath: await bundled.executablePath(), args });
}
