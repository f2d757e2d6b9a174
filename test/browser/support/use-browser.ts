/**
 * A real Chromium for the tests of a file: a fresh profile for each page, nothing from outside of this machine, and every
 * complaint of the browser kept (a blocked script, a broken style sheet).
 */
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';

export interface OpenOptions {
  readonly credentials?: { readonly username: string; readonly password: string };
  readonly javaScript?: boolean;
  readonly phone?: boolean;
  readonly dark?: boolean;
}

export interface TestBrowser {
  /** An empty page; what it complains of is in `complaints`. */
  open(options?: OpenOptions): Promise<Page>;
  readonly complaints: string[];
}

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const quiet = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export function useBrowser(): TestBrowser {
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', ...quiet] });
  });
  afterEach(async () => {
    complaints.length = 0;
    await Promise.all(browser.contexts().map(async (context) => context.close()));
  });
  afterAll(async () => browser.close());
  return {
    complaints,
    open: async ({ credentials, javaScript = true, phone = false, dark = false } = {}) => {
      const context = await browser.newContext({
        ...(credentials === undefined ? {} : { httpCredentials: credentials }),
        javaScriptEnabled: javaScript,
        viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 900 },
        colorScheme: dark ? 'dark' : 'light',
      });
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(`${message.text()} ${message.location().url}`);
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      return page;
    },
  };
}
