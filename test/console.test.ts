import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchBrowser } from './support/browser.ts';
import { ROOT } from './support/program.ts';

/** Pictures to look at; not kept in the repository. */
const PICTURES = join(ROOT, 'dist', 'screenshots');

let browser: Browser;
beforeAll(async () => {
  await mkdir(PICTURES, { recursive: true });
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** A fresh visitor; the visit fails on any error the page logs, and on any request that leaves this machine. */
async function visit(options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const complaints: string[] = [];
  context.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== inject('gatewayUrl') && protocol.startsWith('http')) complaints.push(`request to ${request.url()}`);
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(String(error)));
  try {
    await page.goto(inject('gatewayUrl'));
    await use(page);
  } finally {
    await context.close();
  }
  expect(complaints).toEqual([]);
}

async function signIn(page: Page, key = inject('adminKey')): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

describe('the console', () => {
  it.each(['light', 'dark'] as const)('signs in, opens a version and runs an inference (%s)', (colorScheme) =>
    visit({ colorScheme }, async (page) => {
      const picture = (name: string) =>
        page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`), fullPage: true });
      await picture('sign-in');
      await signIn(page);
      await page.getByRole('link', { name: 'digits', exact: true }).click();
      await picture('model');
      await page
        .getByRole('link', { name: /^(version )?1$/i })
        .first()
        .click();
      await page.getByText('pixels').first().waitFor();
      await picture('version');
      await page
        .getByRole('tab', { name: /playground/i })
        .or(page.getByRole('link', { name: /playground/i }))
        .first()
        .click();
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      const answer = page.getByRole('region', { name: 'Answer' });
      await answer.getByText('probabilities').first().waitFor();
      expect(await answer.textContent()).toMatch(/edge|cache/);
      await page.getByRole('button', { name: 'Run', exact: true }).click();
      await answer.getByText(/^hit$/i).first().waitFor();
      await picture('playground');
      await page.getByRole('link', { name: 'Nodes' }).click();
      await page.getByText('local-1').first().waitFor();
      await picture('nodes');
    }),
  );

  it('refuses a wrong key in words, and keeps no cookie', () =>
    visit({}, async (page) => {
      await signIn(page, 'lep_wrong');
      await page
        .getByText(/mistyped, revoked or expired|not known|wrong key/i)
        .first()
        .waitFor();
      expect(await page.context().cookies()).toEqual([]);
    }));

  it('can be used with the keyboard alone', () =>
    visit({}, async (page) => {
      await page.getByLabel('API key').focus();
      await page.keyboard.insertText(inject('adminKey'));
      await page.keyboard.press('Enter');
      await page.getByRole('link', { name: 'digits', exact: true }).waitFor();
      await page.getByRole('link', { name: 'digits', exact: true }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: /digits/ }).waitFor();
    }));

  it('fits a narrow screen', () =>
    visit({ viewport: { width: 400, height: 800 }, colorScheme: 'dark' }, async (page) => {
      await signIn(page);
      const signOut = page.getByRole('button', { name: 'Sign out' });
      // The key is kept once it has been found good.
      await signOut.waitFor();
      for (const path of [
        '/models',
        '/models/digits',
        '/models/digits/versions/1',
        '/models/digits/versions/1/playground',
        '/nodes',
      ]) {
        await page.goto(`${inject('gatewayUrl')}${path}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await page.screenshot({ path: join(PICTURES, `narrow${path.replaceAll('/', '-')}.png`), fullPage: true });
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(`${path}: ${overflow}`).toBe(`${path}: 0`);
        const button = await signOut.boundingBox();
        expect((button?.x ?? 0) + (button?.width ?? 0)).toBeLessThanOrEqual(400);
      }
    }));

  it('shows the API reference', () =>
    visit({}, async (page) => {
      await page.goto(`${inject('gatewayUrl')}/docs`);
      await page.getByText('/api/models/{model}/versions').first().waitFor();
      await page.screenshot({ path: join(PICTURES, 'docs.png') });
    }));
});
