/**
 * The pictures of docs/dashboard.md, taken anew: `npm run screenshots`. Runs the demo and looks at its dashboard in
 * Chromium (CHROMIUM, or /usr/bin/chromium).
 */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';
import { readEnvironment } from '../src/config.ts';
import { runDemo } from '../src/demo/run-demo.ts';

const folder = fileURLToPath(new URL('../docs/images/', import.meta.url));
const env = readEnvironment();
const desk: BrowserContextOptions = { viewport: { width: 1180, height: 820 } };
const phone: BrowserContextOptions = { viewport: { width: 390, height: 760 }, deviceScaleFactor: 1 };

const stopping = new AbortController();
let found: (url: string) => void = () => undefined;
const url = new Promise<string>((resolve) => {
  found = resolve;
});
const demo = runDemo({
  env,
  claimsFile: null,
  seed: 42,
  stays: true,
  signal: stopping.signal,
  out: (line) => {
    process.stdout.write(`${line}\n`);
    const place = /stays up at (http:\/\/[\w.:]+)/.exec(line)?.[1];
    if (place !== undefined) found(place);
  },
});

async function take(
  name: string,
  options: BrowserContextOptions,
  open: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await open(page);
  await page.screenshot({ path: `${folder}${name}.png` });
  await context.close();
}

const browser = await chromium.launch({
  executablePath: env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const base = await Promise.race([
    url,
    demo.then(() => Promise.reject(new Error('The demo ended too soon.'))),
  ]);
  await mkdir(folder, { recursive: true });
  await take('overview', desk, async (page) => void (await page.goto(`${base}/?refresh=off`)));
  await take('source-dark', { ...desk, colorScheme: 'dark' }, async (page) => {
    await page.goto(`${base}/?refresh=off#source-gifts`);
  });
  await take('claim', desk, async (page) => {
    await page.goto(`${base}/?refresh=off`);
    await page.locator('a[href^="/discrepancies/"][href*="#repair"]').first().click();
    await page.locator('.case').first().waitFor();
  });
  await take('phone', phone, async (page) => void (await page.goto(`${base}/?refresh=off#source-orders`)));
  await take('board', desk, async (page) => {
    await page.goto(`${base}/queues/queue/passes`);
    await page.getByText('pass over gifts').first().waitFor();
  });
} finally {
  await browser.close();
  stopping.abort(new Error('the pictures are taken'));
}
await demo;
